"""What operators change while the server runs, and how it is started."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai

from tests.api.asking import ask, bearer, within
from tests.api.documents import document
from tests.api.gateway import Gateway, command, run, serving

TAKES_EFFECT_S = 5.0
START_S = 30.0
HELLO = [{"role": "user", "content": "one two three"}]
WORKERS = 2


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


def test_an_address_for_others_is_refused_without_keys(tmp_path: Path) -> None:
    """Nothing listens on every address while anybody could call; the message says what to do."""
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(tmp_path)}
    for host in ("0.0.0.0", "::", "192.0.2.1", "gateway.example"):  # noqa: S104 - refused before it listens
        done = subprocess.run(
            [*command(), "serve", "--host", host, "--port", "0"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 2
        assert f"HOST={host} is reachable from other machines" in done.stderr
        assert "llmproxy keys create" in done.stderr
        assert done.stdout == ""


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
