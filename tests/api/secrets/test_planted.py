"""No byte that the gateway writes holds a secret: a run with planted values, then a search.

What it writes is its log at the level debug, its data folder, every answer and what its commands
print. Values are planted wherever one can be given: the environment, a file of variables, mounted
files, a key vault, the application's secret at Entra ID, the admin key, keys of callers, and a key
that somebody sends by mistake.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.documents import document
from tests.api.gateway import command, run
from tests.api.logs.stage import objects
from tests.api.secrets.planted import files, found, planted
from tests.api.secrets.planted_run import ACCOUNT, HELLO, Run, account, over_cosmos, plant, served
from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed

METHODS = ("get", "post", "put", "patch", "delete")
MODELS = ("OF_THE_ENVIRONMENT", "DOTENV", "FILE", "VAULT")
"""A model per source, called like its secret."""


@pytest.fixture(name="planted_run", params=["sqlite", "cosmos"])
def _planted_run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    vault: KeyVaultSimulator,
    in_vault: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    values, environment = plant(tmp_path, vault, in_vault)
    # A certificate that the gateway does not trust.
    stranger = tls_context(*self_signed(tmp_path_factory.mktemp("stranger")))
    in_cosmos = request.param == "cosmos"
    # Each form of the log once; contents are logged, since they repeat what callers sent.
    environment |= {"LOG_FORMAT": "text" if in_cosmos else "json", "CONTENT_LOG": "on"}
    with (
        over_cosmos(values, environment) if in_cosmos else nullcontext() as store,
        running(OpenAISimulator(api_key=values["ENVIRONMENT"])) as first,
        running(OpenAISimulator(api_key=values["DOTENV"])) as second,
        running(OpenAISimulator(api_key=values["FILE"])) as third,
        running(OpenAISimulator(api_key=values["VAULT"])) as fourth,
        running(OpenAISimulator(tls=stranger)) as untrusted,
    ):
        upstreams = dict(zip(MODELS, (first, second, third, fourth), strict=True))
        documents = [account(each, name) for name, each in upstreams.items()]
        documents += [
            account(untrusted, "untrusted", secret_name="VAULT"),
            account(first, "own", secret_name="LLMPROXY_ADMIN_KEY"),
            account(first, "own-redis", secret_name="REDIS_URL"),
            account(first, "own-webhook", secret_name="ALERT_WEBHOOK_URL"),
            document(
                "google",
                "Google",
                "GoogleVertexMeta",
                secret_name=ACCOUNT,
                gcp_project="p",
                location="us-central1",
                endpoint=first.url,
                model="llama",
            ),
        ]
        run(environment, "models", "import", "-", given=json.dumps(documents))
        limited = ("--limit", "requests_total=400", "--alert-at", "1")
        values["CALLER"] = run(
            environment, "keys", "create", "--project", "alpha", *limited
        ).strip()
        with served(tmp_path, environment) as gateway:
            yield Run(gateway, tmp_path, values, upstreams, store)


def test_a_full_run_writes_no_secret(planted_run: Run) -> None:
    """And each value was really in use, and would have been found."""
    doing = planted_run
    assert within(15, lambda: doing.chat("VAULT") == 200)
    _use_every_model(doing)
    _fail_upstream(doing)
    _send_nonsense(doing)
    _explain(doing)
    _use_commands(doing)
    _use_every_route(doing)  # which takes models and keys away, too
    _break_the_store(doing)
    _crash(doing)

    written = [
        *doing.written,
        ("the log", doing.gateway.log_path.read_bytes()),
        *files(doing.folder / "data"),
    ]
    kept = {path.name for path in (doing.folder / "data").rglob("*")}
    assert "audit.jsonl" in kept
    assert any(name.startswith("content-") for name in kept)
    assert ("registry.json" in kept) == (doing.store is not None), kept
    leaks = sorted(set(found(doing.values, written)))
    assert not leaks, "\n".join(leaks)

    assert ("the webhook for alerts did not take" in doing.gateway.log) == (doing.store is None)
    assert ("Redis" in doing.gateway.log) == (doing.store is not None)
    assert {200, 400, 401, 404, 502} <= doing.statuses
    for name, upstream in doing.upstreams.items():
        value = upstream.api_key
        assert f"Bearer {value}" in {each.header("authorization") for each in upstream.requests}
        log = doing.folder / "data" / f"{name}.log"
        log.write_bytes(json.dumps({"said": f"<{value}>"}).encode())
    control = found(doing.values, files(doing.folder / "data"))
    assert len(control) == len(doing.upstreams), control


def _crash(doing: Run) -> None:
    """Until then each line of a log in JSON is one object, whatever was sent."""
    if doing.store is None:
        objects(doing.gateway.log)
    doing.gateway.process.send_signal(signal.SIGABRT)
    doing.gateway.process.wait(15)
    assert "Aborted" in doing.gateway.log, "the crash left no report"


def _use_every_model(doing: Run) -> None:
    for model in doing.upstreams:
        assert doing.chat(model) == 200
        assert doing.chat(model, stream=True) == 200
    for model in ("untrusted", "own", "own-redis", "own-webhook", "google"):
        assert doing.chat(model) == 502


def _fail_upstream(doing: Run) -> None:
    """Providers that repeat the key that they were sent, in every place where they have words."""
    for model, upstream in doing.upstreams.items():
        said = f"Incorrect API key provided: {upstream.api_key}."
        error = json.dumps({"error": {"message": said, "code": said, "param": said, "extra": said}})
        for status in (400, 401, 403, 404, 422, 429, 500, 503):
            for stream in (False, True):
                upstream.fail_next("status", status=status, body=error, times=None)
                assert doing.chat(model, stream=stream) >= 400
                upstream.faults.rules.clear()
        for kind in ("html", "garbage", "reset_before_headers", "cut_mid_stream", "error_frame"):
            for stream in (False, True):
                upstream.fail_next(kind, times=None)
                doing.chat(model, stream=stream)
                upstream.faults.rules.clear()


def _send_nonsense(doing: Run) -> None:
    """Keys that open nothing, keys in places where none belongs, and bodies that are none."""
    doing.values["MISTAKEN"] = f"sk-{planted('mistaken')}"
    mistaken = doing.values["MISTAKEN"]
    assert doing.chat("VAULT", key="MISTAKEN") == 401
    doing.ask("GET", f"/v1/models?api-key={mistaken}&key={mistaken}", key=None)
    doing.ask("GET", f"/v1/models?api-key={mistaken}", key="CALLER")
    for model in ("VAULT", "no-such-model"):
        body = {"model": model, "messages": HELLO, "api_key": doing.values["CALLER"]}
        doing.ask("POST", "/v1/chat/completions", key="CALLER", body=body)
    for body in ({}, [], "x", {"model": 7}, {"model": "VAULT", "messages": "no"}):
        doing.ask("POST", "/v1/chat/completions", key="CALLER", body=body)


def _use_every_route(doing: Run) -> None:
    """All that the gateway says that it has, with the admin key, a caller's, and none."""
    paths = json.loads(doing.ask("GET", "/openapi.json")[1])["paths"]
    asked = [
        (method, path)
        for method in METHODS
        for path, operations in paths.items()
        if method in operations
    ]
    assert len(asked) > 10
    literal = account(doing.upstreams["VAULT"], "literal", secret_name=doing.values["MISTAKEN"])
    bodies = [
        {},
        account(doing.upstreams["VAULT"], "another", secret_name="VAULT"),
        literal | {"api_key": doing.values["MISTAKEN"]},
        {"project": "alpha", "models": ["VAULT"]},
        {"body": {"model": "VAULT", "messages": HELLO}, "as": {"project": "alpha"}},
        {"model": "VAULT", "messages": HELLO, "input": "x", "prompt": "x"},
    ]
    for method, path in asked:
        for name in ("VAULT", "alpha", "nobodys"):
            filled = _filled(path, name)
            for key in ("ADMIN", "CALLER", None):
                for body in [None] if method in {"get", "delete"} else bodies:
                    doing.ask(method.upper(), filled, key=key, body=body)
            if filled == path:
                break
    for path in ("/health", "/health/live", "/health/ready", "/metrics", "/docs", "/nowhere"):
        for key in ("ADMIN", "CALLER", None):
            doing.ask("GET", path, key=key)


def _explain(doing: Run) -> None:
    """Every model's request in words, which would be sent with its secret."""
    for model in doing.upstreams:
        body = {"model": model, "messages": HELLO}
        status, said = doing.ask("POST", "/admin/explain", body={"body": body})
        assert status == 200
        assert b"*****" in said, "the request has a key, which is masked"
        done = doing.command("explain", "-", "--json", given=json.dumps(body))
        assert b"*****" in done


def _filled(path: str, name: str) -> str:
    parts = (name if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def _use_commands(doing: Run) -> None:
    for arguments in (
        ("models", "list"),
        ("models", "show", "VAULT"),
        ("models", "check", "VAULT"),
        ("keys", "list"),
        ("registry", "export"),
        ("registry", "status"),
    ):
        assert doing.command(*arguments), arguments
    literal = account(doing.upstreams["VAULT"], "literal", secret_name=doing.values["MISTAKEN"])
    doing.command("models", "import", "-", given=json.dumps([literal]))


def _break_the_store(doing: Run) -> None:
    """What the gateway logs of a store that is no store any more, and of what crashes on it."""
    if doing.store is not None:
        assert within(15, (doing.folder / "data" / "registry.json").exists)
        doing.store.fail(status=500, times=3)
        doing.store.away(on=True)
    for path in (doing.folder / "data").glob("*.sqlite3*"):
        path.write_bytes(b"no database" * 1000)
    assert within(15, lambda: "the store is away" in doing.gateway.log), doing.gateway.log
    doing.ask("GET", "/health/ready")
    doing.chat("VAULT")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_password_of_a_proxy(tmp_path: Path, name: str, scheme: str) -> None:
    """Whether the gateway can use it or refuses it, it is not shown."""
    password = planted("password")
    environment = {
        **{each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ},
        name: f"{scheme}://user:{password}@127.0.0.1:9",
        "PORT": "0",
        "LOG_LEVEL": "debug",
        "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
    }
    upstream = {"endpoint": "http://nobody.example", "secret_name": "PATH"}
    given = json.dumps([document("far", "OpenAI", "OpenAI", **upstream)])
    written = []
    for arguments in (("models", "import", "-"), ("models", "check", "far"), ("serve", "--help")):
        done = subprocess.run(
            [*command(), *arguments],
            env=environment,
            input=given.encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        written.append((" ".join(arguments), done.stdout + done.stderr))
    assert any(content for _, content in written)
    assert found({name: password}, [*written, *files(tmp_path / "data")]) == []
