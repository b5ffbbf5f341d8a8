"""What operators change while the server runs, and how it is started."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from tests.api.asking import ask, bearer, within
from tests.api.documents import document
from tests.api.gateway import Gateway, command, run, serving
from tests.api.traces import opened

TAKES_EFFECT_S = 5.0
START_S = 30.0
HELLO = [{"role": "user", "content": "one two three"}]
WORKERS = 2
ADMIN_KEY = "k3y-" * 10


def status(gateway: Gateway, key: str | None = None) -> int:
    """How the list of models is answered with this key."""
    return ask(gateway.url, "/v1/models", headers=bearer(key) if key else {}).status


def names(gateway: Gateway) -> set[str]:
    """The models that callers on this machine see."""
    return {each["id"] for each in ask(gateway.url, "/v1/models").json["data"]}


def test_keys_take_effect_and_end_while_the_server_runs(tmp_path: Path) -> None:
    """A new key works and closes the open door within 5 s; a revoked one stops working."""
    with serving(tmp_path) as gateway:
        assert status(gateway) == 200
        key = run(gateway.environment, "keys", "create", "--project", "alpha").strip()
        assert within(TAKES_EFFECT_S, lambda: status(gateway) == 401)
        assert status(gateway, key) == 200

        listed = json.loads(run(gateway.environment, "keys", "list", "--json"))
        run(gateway.environment, "keys", "revoke", listed[0]["id"])
        assert within(TAKES_EFFECT_S, lambda: status(gateway, key) == 401)
        assert status(gateway) == 401


def test_models_come_and_go_while_the_server_runs(tmp_path: Path) -> None:
    """An imported model answers within 5 s, a changed one changes, a removed one is gone."""
    with serving(tmp_path) as gateway:
        assert names(gateway) == {"echo"}

        parrot = document("parrot", "Local", "Echo")
        run(gateway.environment, "models", "import", "-", given=json.dumps(parrot))
        assert within(TAKES_EFFECT_S, lambda: names(gateway) == {"echo", "parrot"})
        with openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client:
            answer = client.chat.completions.create(model="parrot", messages=HELLO)
        assert answer.choices[0].message.content == "one two three"

        renamed = json.dumps(parrot | {"code": "polly"})
        run(gateway.environment, "models", "import", "-", given=renamed)
        assert within(TAKES_EFFECT_S, lambda: names(gateway) == {"echo", "polly"})

        run(gateway.environment, "models", "remove", "parrot", "echo")
        assert within(TAKES_EFFECT_S, lambda: names(gateway) == set())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"HOST": "0.0.0.0"}, "HOST=0.0.0.0 is reachable from other machines"),  # noqa: S104 - refused before it listens
        ({"HOST": "::"}, "HOST=:: is reachable from other machines"),
        ({"ENVIRONMENT": "production"}, "ENVIRONMENT is not development"),
        ({"AUTH": "keys"}, "AUTH=keys"),
    ],
)
def test_a_start_without_keys_is_refused_where_they_are_needed(
    tmp_path: Path, settings: dict[str, str], reason: str
) -> None:
    """Nothing listens where anybody could call; the message says what to do."""
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(tmp_path), "PORT": "0"}
    done = subprocess.run(
        [*command(), "serve"],
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 2
    assert f"{reason}, and this gateway has no keys yet" in done.stderr
    assert "llmproxy keys create" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_store_that_cannot_be_used_ends_the_start_in_words(tmp_path: Path) -> None:
    """A file that is no store of ours is named, without a traceback."""
    (tmp_path / "llmproxy.sqlite3").write_bytes(b"this is no database, but it is long enough " * 9)
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(tmp_path), "PORT": "0"}
    done = subprocess.run(
        [*command(), "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 2
    assert f"cannot use {tmp_path / 'llmproxy.sqlite3'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_open_to_everybody_by_hand(tmp_path: Path) -> None:
    """AUTH=open: no key, public models only, and it is said in the log and by /health/ready."""
    documents = [
        document("open", "Local", "Echo"),
        document("hidden", "Local", "Echo") | {"private": True, "projects": ["alpha"]},
    ]
    settings = {"AUTH": "open", "ENVIRONMENT": "production", "LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    with serving(tmp_path, documents, settings) as gateway:
        assert names(gateway) == {"open"}
        for named, expected in (("team-7", 200), ("a/b", 400)):
            answer = ask(
                gateway.url,
                "/v1/chat/completions",
                method="POST",
                headers={"x-project-id": named},
                body={"model": "open", "messages": HELLO},
            )
            assert answer.status == expected
        assert [line["project"] for line in opened(gateway)] == ["team-7"]
        refused = ask(
            gateway.url,
            "/v1/chat/completions",
            method="POST",
            headers={"x-project-id": "alpha"},
            body={"model": "hidden", "messages": HELLO},
        )
        assert (refused.status, refused.error["code"]) == (404, "model_not_found")
        report = ask(gateway.url, "/health/ready").json
        assert report["warnings"][0].startswith("AUTH=open")
        assert "registry" not in report
        assert ask(gateway.url, "/metrics").status == 401
        assert ask(gateway.url, "/metrics", headers=bearer(ADMIN_KEY)).status == 200
        assert "AUTH=open: whoever reaches this gateway" in gateway.log


def test_the_admin_key_of_the_environment_closes_the_door(tmp_path: Path) -> None:
    """It is a key: others are needed from then on, and it is in no store and no list."""
    with serving(tmp_path, settings={"LLMPROXY_ADMIN_KEY": ADMIN_KEY}) as gateway:
        assert status(gateway) == 401
        assert status(gateway, ADMIN_KEY) == 200
        assert ask(gateway.url, "/metrics", headers=bearer(ADMIN_KEY)).status == 200
        assert json.loads(run(gateway.environment, "keys", "list", "--json")) == []


def test_settings_come_from_a_file_too(tmp_path: Path) -> None:
    """LLMPROXY_ENV_FILE names it; the environment wins over it."""
    env_file = tmp_path / "settings.env"
    env_file.write_text(f"LLMPROXY_ADMIN_KEY='{ADMIN_KEY}'\nENVIRONMENT=staging\n")
    settings = {"LLMPROXY_ENV_FILE": str(env_file), "ENVIRONMENT": "production"}
    with serving(tmp_path, settings=settings) as gateway:
        assert ask(gateway.url, "/health").json["environment"] == "production"
        assert status(gateway, ADMIN_KEY) == 200


@pytest.mark.parametrize("words", [("serve",), ("keys", "list")])
def test_a_bad_dotenv_file_is_named_with_its_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    """And its value is not shown: it may be a secret."""
    (tmp_path / ".env").write_text("PORT=0\nOPENAI_API_KEY='sk-planted\n")
    done = subprocess.run(
        [*command(), *words],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 2
    assert re.search(r"\.env: line 2\b", done.stderr), done.stderr
    assert "sk-planted" not in done.stderr
    assert "Traceback" not in done.stderr


def test_uvicorn_serves_it_with_two_workers(tmp_path: Path) -> None:
    """`uvicorn --factory llmproxy.app:create_app --workers 2` answers plain and streamed."""
    with uvicorn(tmp_path) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            answer = client.chat.completions.create(model="echo", messages=HELLO)
            assert answer.choices[0].message.content == "one two three"
            stream = client.chat.completions.create(
                model="echo", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
            chunks = list(stream)
        words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
        assert [word for word in words if word] == ["one", " two", " three"]
        assert chunks[-1].usage is not None
        assert ask(url, "/v1/nothing").error["code"] == "unknown_url"
        journals = {path.name.partition("-")[0] for path in (tmp_path / "journal").iterdir()}
        assert len(journals) == WORKERS, "each worker keeps a journal of its own"


@contextmanager
def uvicorn(folder: Path) -> Iterator[str]:
    """The factory under uvicorn's own command and protocol; its address."""
    log_path = folder / "uvicorn.log"
    python = Path(command()[0]).with_name("python")
    program = [str(python), "-m", "uvicorn", "--factory", "llmproxy.app:create_app"]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*program, "--workers", str(WORKERS), "--host", "127.0.0.1", "--port", "0"],
            env={"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        started = "Application startup complete."
        assert within(START_S, lambda: log_path.read_text().count(started) == WORKERS), (
            log_path.read_text()
        )
        found = re.search(r"running on (http://[0-9.:]+)", log_path.read_text())
        assert found, log_path.read_text()
        yield found[1]
        process.terminate()
        process.wait(START_S)
        assert "Traceback" not in log_path.read_text(), log_path.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
