"""A server whose lines are read, its keys, the provider behind it, and its ledger."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests.api.admin.administrator import ADMIN_KEY, Administrator
from tests.api.asking import Answer, ask, bearer, within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, command, run, serving
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

CHAT = "/v1/chat/completions"
PATIENCE_S = 15.0
EVER = "since=0&limit=1000"
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """`keys` by the name of their project."""

    gateway: Gateway
    upstream: OpenAISimulator
    keys: Mapping[str, str]

    def chat(self, key: str | None, model: str, *, text: str = "Hello!", **more: Any) -> Answer:  # noqa: ANN401
        """Chat without an SDK; `headers` are the request's."""
        headers = dict(more.pop("headers", {})) | (bearer(key) if key else {})
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return ask(self.gateway.url, CHAT, method="POST", headers=headers, body=body)

    def client(self, project: str) -> openai.OpenAI:
        """The official SDK with the key of a project."""
        return openai.OpenAI(
            base_url=self.gateway.base_url, api_key=self.keys[project], max_retries=0
        )

    def rows(self) -> dict[str, Line]:
        """The calls in the ledger, by the id of their request."""
        found = Administrator(self.gateway).done("GET", f"/admin/usage/calls?{EVER}")["data"]
        return {row["request_id"]: row for row in found}

    def lines(self) -> list[Line]:
        """All lines that are written by now, each of which must be an object."""
        mark = f"/no-such-page-{time.monotonic_ns()}"
        self.gateway.get(mark)
        assert within(PATIENCE_S, lambda: mark in self.gateway.log)
        return objects(self.gateway.log)

    def line(self, request_id: str) -> Line:
        """The one access line of a request, once it is there."""
        found: list[Line] = []

        def there() -> bool:
            found[:] = [each for each in access(self.lines()) if each["request_id"] == request_id]
            return bool(found)

        assert within(PATIENCE_S, there), f"no line of {request_id}:\n{self.gateway.log}"
        assert len(found) == 1
        return found[0]


def objects(log: str) -> list[Line]:
    """The lines of a log. Raises AssertionError for one that is no object."""
    found = []
    for line in log.split("\n")[:-1]:
        assert line.isprintable(), line
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise AssertionError(f"no JSON: {line}") from error
        assert {"level", "logger", "message"} <= set(found[-1])
    return found


def access(lines: list[Line]) -> list[Line]:
    """The access lines among them."""
    return [line for line in lines if line["logger"] == "llmproxy.access"]


def documents(upstream: OpenAISimulator) -> list[dict[str, Any]]:
    """A model asked once, one that is asked again, one that keeps answers, one that fails."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": upstream.base_url}
    codes = {"mini": "gpt-4o-mini", "again": "gpt-4o-mini", "kept": "gpt-4o-mini"}
    made = [document(code, "OpenAI", "OpenAI", model=m, **account) for code, m in codes.items()]
    made[1]["routing"] = {"retries": 2}
    made[2]["cache"] = True
    embedder = document(
        "embedder", "OpenAI", "OpenAI", model="text-embedding-3-small", **account
    ) | {"operations": ["embeddings"]}
    sound = [("hearer", "gpt-4o-transcribe", "audio_stt"), ("speaker", "tts-1", "audio_tts")]
    for code, model, operation in sound:
        free = {"operations": [operation], "costs": {}, "free": True}
        made.append(document(code, "OpenAI", "OpenAI", model=model, **account) | free)
    return [*made, embedder]


@contextmanager
def staged(folder: Path, **settings: str) -> Iterator[Stage]:
    """Serve with keys of the projects alpha, beta and capped, which may ask once."""
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(folder / "data")}
    keys = {
        name: run(environment, "keys", "create", "--project", name).strip()
        for name in ("alpha", "beta")
    }
    limited = ("--project", "capped", "--limit", "requests_total=1")
    keys["capped"] = run(environment, "keys", "create", *limited).strip()
    with (
        running(OpenAISimulator()) as upstream,
        serving(
            folder,
            documents(upstream),
            SECRETS | {"LLMPROXY_ADMIN_KEY": ADMIN_KEY, **settings},
        ) as gateway,
    ):
        yield Stage(gateway, upstream, keys)


def refused(folder: Path, **settings: str) -> tuple[int, str, str]:
    """Start a server that must not start: its code, and what it wrote on stdout and stderr."""
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "LLMPROXY_DATA_DIR": str(folder / "data"),
        **settings,
    }
    done = subprocess.run(
        [*command(), "serve"], env=environment, capture_output=True, timeout=30, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()
