"""A server that can be killed and started again on the same data, before two simulators."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests import exposition
from tests.api.asking import ask
from tests.api.documents import SECRETS, document
from tests.api.gateway import GREETING, START_S, command, run
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

KINDS = ("plain", "plain", "slow", "stream", "stream", "leave", "retry", "fail", "cut")
"""What a call is: answered at once or late, streamed, left by its client, tried twice, failed by
both deployments, cut in mid-stream."""


@dataclass
class Asked:
    """What clients know of one call: its tag is in its text and in its row."""

    tag: str
    request_id: str | None = None
    status: int | None = None
    whole: bool = False
    """The client has all of an answer, whatever it says."""


@dataclass
class World:
    """Two deployments of one model, a data folder, and all that was asked so far."""

    folder: Path
    simulators: tuple[OpenAISimulator, OpenAISimulator]
    environment: dict[str, str]
    asked: list[Asked] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    @property
    def log(self) -> str:
        """Everything that all its servers wrote."""
        return (self.folder / "server.log").read_text()

    @property
    def store(self) -> Path:
        """The file with the ledger."""
        return self.folder / "data" / "llmproxy.sqlite3"

    def begin(self) -> None:
        """Start a server, and wait for nothing."""
        with (self.folder / "server.log").open("ab") as log:
            self.began_at = log.tell()
            self.process = subprocess.Popen(
                [*command(), "serve"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start(self) -> None:
        """Start a server that answers."""
        self.begin()
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            lines = self.log[self.began_at :].splitlines()
            found = [line for line in lines if line.startswith(GREETING)]
            if found:
                self.url = found[0].removeprefix(GREETING).strip()
                with suppress(OSError):
                    if ask(self.url, "/health/ready").status == 200:
                        return
            time.sleep(0.01)
        raise AssertionError(f"the server did not start:\n{self.log}")

    def kill(self) -> None:
        """End the server as `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        assert self.process.wait(10) == -signal.SIGKILL, self.log

    @property
    def process_id(self) -> int:
        """Of the server that runs."""
        assert self.process is not None
        return self.process.pid

    def ask(self, kind: str = "plain", tags: str = "") -> Asked:
        """Ask one call, with more tags, and wait for all of its answer."""
        asked = Asked(f"{kind}-{len(self.asked)}")
        self.asked.append(asked)
        answer = ask(
            self.url,
            "/v1/chat/completions",
            method="POST",
            headers={"x-llmproxy-tag": f"{asked.tag},{tags}"},
            body=question(kind, asked),
        )
        asked.request_id, asked.status = answer.headers["x-request-id"], answer.status
        asked.whole = True
        return asked

    def stop(self) -> None:
        """End the server in good order."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log

    def seen(self) -> set[str]:
        """The tags of all calls that a provider has seen."""
        requests = [record for each in self.simulators for record in each.requests]
        return {record.json["messages"][0]["content"].split()[1] for record in requests}

    def rows(self) -> list[dict[str, Any]]:
        """All rows of the ledger."""
        with closing(sqlite3.connect(self.store)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM usage")]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What the store answers."""
        with closing(sqlite3.connect(self.store)) as connection:
            return connection.execute(statement).fetchall()

    def journals(self) -> list[Path]:
        """The journal's files."""
        return sorted((self.folder / "data" / "journal").glob("*.jsonl"))

    def figures(self) -> dict[str, float]:
        """The ledger's metrics."""
        text = ask(self.url, "/metrics").body.decode()
        return exposition.figures(text, "llmproxy_ledger_")


@contextmanager
def world(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[World]:
    """Simulators with their faults, documents that lead to them, and no server yet."""
    with ExitStack() as stack:
        first = stack.enter_context(running(OpenAISimulator()))
        second = stack.enter_context(running(OpenAISimulator()))
        for simulator in (first, second):
            simulator.fail_next("status", times=None, contains="fail ", status=500)
            simulator.fail_next("timing", times=None, contains="slow ", delay_ms=80)
            simulator.fail_next("timing", times=None, contains="stream ", chunk_interval_ms=5)
            simulator.fail_next("timing", times=None, contains="leave ", chunk_interval_ms=20)
            simulator.fail_next("cut_mid_stream", times=None, contains="cut ", after_events=3)
        first.fail_next("status", times=None, contains="retry ", status=500)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **SECRETS,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "LLMPROXY_DATA_DIR": str(folder / "data"),
            "ACCESS_LOG": "off",
            "DRAIN_DELAY_S": "0",
            **(settings or {}),
        }
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
        documents = [
            {
                **document("mini", "OpenAI", "OpenAI", endpoint=simulator.base_url, **account),
                "id": f"mini-{number}",
                "code": "mini",
            }
            for number, simulator in enumerate((first, second))
        ]
        run(environment, "models", "import", "-", given=json.dumps(documents))
        made = World(folder, (first, second), environment)
        try:
            yield made
        finally:
            if made.process is not None and made.process.poll() is None:
                made.process.kill()
                made.process.wait()


async def load(world: World, seconds: float, draw: random.Random, clients: int = 8) -> None:
    """Have clients ask one call after the other, of all kinds, and kill the server meanwhile."""
    async with httpx.AsyncClient(base_url=world.url, timeout=5, trust_env=False) as client:

        async def one() -> None:
            while world.process is not None and world.process.poll() is None:
                kind = draw.choice(KINDS)
                asked = Asked(f"{kind}-{len(world.asked)}")
                world.asked.append(asked)
                with suppress(httpx.HTTPError):
                    await note(client, kind, asked)

        tasks = [asyncio.create_task(one()) for _ in range(clients)]
        await asyncio.sleep(seconds)
        await asyncio.to_thread(world.kill)
        await asyncio.gather(*tasks)


async def note(client: httpx.AsyncClient, kind: str, asked: Asked) -> None:
    """Ask one call and note what came of it. Raises HTTPError when the server is gone."""
    body = question(kind, asked)
    headers = {"x-llmproxy-tag": asked.tag}
    async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        asked.request_id, asked.status = answer.headers["x-request-id"], answer.status_code
        async for _ in answer.aiter_bytes():
            if kind == "leave":
                return
        asked.whole = True


def question(kind: str, asked: Asked) -> dict[str, Any]:
    """What is asked: the tag is the second word of the text."""
    return {
        "model": "mini",
        "messages": [{"role": "user", "content": f"{kind} {asked.tag}"}],
        "stream": kind in {"stream", "leave", "cut"},
    }
