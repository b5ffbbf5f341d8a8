"""What users meet, brought about: a gateway for each trouble of docs/troubleshooting.md."""

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.asking import ask, bearer, within
from tests.api.documents import document
from tests.api.gateway import Gateway, command, run, serving
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

HELLO = [{"role": "user", "content": "Hello!"}]
GOOD, WRONG = "OPENAI_SIMULATOR_KEY", "OPENAI_API_KEY_OLD"
SETTINGS = {GOOD: "sk-simulator", WRONG: "sk-of-last-year", "MAX_BODY_BYTES": "65536"}
SOON_S = 10.0
ENDS_S = 60.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway with models that each lack something, before a provider."""

    folder: Path
    gateway: Gateway
    provider: OpenAISimulator
    key: str

    def told(self, body: object, path: str = "/v1/chat/completions", key: str | None = None) -> str:
        """What a caller is told: status and message, with the code if there is one."""
        headers = bearer(key or self.key)
        answer = ask(self.gateway.url, path, method="POST", headers=headers, body=body)
        assert answer.status >= 400, answer.body
        code = answer.error["code"]
        return f"{answer.status} {code}: {answer.error['message']}"

    def asked(self, model: str, **fields: object) -> str:
        """What a caller of this model is told."""
        return self.told({"model": model, "messages": HELLO, **fields})

    def made(self, *options: str) -> str:
        """A key with these options, once the gateway knows it."""
        key = run(self.gateway.environment, "keys", "create", "--project", "web", *options).strip()
        known = lambda: ask(self.gateway.url, "/v1/models", headers=bearer(key)).status == 200  # noqa: E731
        assert within(SOON_S, known)
        return key

    def failed(self, *arguments: str, **settings: str) -> str:
        """What the command says that fails."""
        return failed({**self.gateway.environment, **settings}, *arguments)


def failed(environment: Mapping[str, str], *arguments: str) -> str:
    """What a command that must fail says."""
    done = subprocess.run(
        [*command(), *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=ENDS_S,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def documents(provider: OpenAISimulator, nobody: int) -> Iterator[dict[str, Any]]:
    """Models that lack something, each named after it."""
    account = {"secret_name": GOOD, "endpoint": provider.base_url, "model": "gpt-4o-mini"}
    yield document("gpt-4o", "OpenAI", "OpenAI", **account)
    yield document("old-key", "OpenAI", "OpenAI", **account | {"secret_name": WRONG})
    yield document("no-key", "OpenAI", "OpenAI", **account | {"secret_name": "NOT_SET_YET"})
    yield document("no-such", "OpenAI", "OpenAI", **account | {"model": "gpt-0"})
    yield document("slow", "OpenAI", "OpenAI", **account, timeout="1")
    away = {"endpoint": f"http://127.0.0.1:{nobody}/v1"}
    yield document("away", "OpenAI", "OpenAI", **account | away)
    unpriced = document("unpriced", "OpenAI", "OpenAI", **account)
    yield {name: value for name, value in unpriced.items() if name != "costs"}
    claude = {"secret_name": GOOD, "model": "claude-sonnet-4-5", "endpoint": provider.url}
    yield document("claude", "Anthropic", "Anthropic", **claude)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and nobody can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def staged(folder: Path) -> Iterator[Scene]:
    """The gateway, with a first key."""
    with running(OpenAISimulator()) as provider, closed_port() as nobody:
        models = list(documents(provider, nobody))
        with serving(folder, models, SETTINGS) as gateway:
            key = run(gateway.environment, "keys", "create", "--project", "research").strip()
            listed = lambda: ask(gateway.url, "/v1/models").status == 401  # noqa: E731
            assert within(SOON_S, listed)
            yield Scene(folder, gateway, provider, key)
