"""The factory under uvicorn with two workers, and lines of which the worker is known."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.api.asking import within
from tests.api.gateway import command, serving
from tests.api.registry.line import Line, Reply
from tests.api.registry.load import chat
from tests.api.registry.truth import EVERYWHERE_WITHIN_S, Asked

WORKERS = 2
START_S = 30.0
STOP_S = 15.0
LOOK_EVERY_S = 0.2
MOST_LINES = 80
"""The kernel gives a connection to whichever worker is awake: so many are tried at most."""


@dataclass(frozen=True, slots=True)
class Server:
    """Some workers behind one address, and the data folder that they share."""

    url: str
    name: str
    data: Path
    log_path: Path
    workers: int = WORKERS

    @property
    def log(self) -> str:
        """Everything that they wrote."""
        return self.log_path.read_text()

    def worker_of(self, request_id: str) -> str:
        """Say which worker admitted a request: each keeps a journal of its own."""
        for path in (self.data / "journal").iterdir():
            lines, _, _ = path.read_bytes().rpartition(b"\n")  # of a write that goes on, no part
            told = map(json.loads, lines.splitlines())
            if any(line.get("request_id") == request_id for line in told):
                return f"{self.name}/{path.name.partition('-')[0]}"
        raise AssertionError(f"no worker admitted {request_id}")


@contextmanager
def one_worker(folder: Path, settings: Mapping[str, str], *, name: str) -> Iterator[Server]:
    """Start another replica as a user does, with a data folder of its own, and end it."""
    place = folder / name
    place.mkdir(exist_ok=True)
    with serving(place, settings=settings) as gateway:
        yield Server(gateway.url, name, place / "data", gateway.log_path, workers=1)


@contextmanager
def two_workers(
    folder: Path, settings: Mapping[str, str], *, name: str = "server"
) -> Iterator[Server]:
    """Start them and end them. Raises AssertionError when they wrote a traceback."""
    data, log_path = folder / f"{name}-data", folder / f"{name}.log"
    python = Path(command()[0]).with_name("python")
    program = [str(python), "-m", "uvicorn", "--factory", "llmproxy.app:create_app"]
    environment = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(data), **settings}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*program, "--workers", str(WORKERS), "--host", "127.0.0.1", "--port", "0"],
            env=environment,
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
        yield Server(found[1], name, data, log_path)
        assert process.poll() is None, log_path.read_text()
        process.terminate()
        process.wait(STOP_S)
        log_text = log_path.read_text()
        assert "Traceback" not in log_text, log_text
        assert log_text.count(started) == WORKERS, f"a worker was replaced:\n{log_text}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@asynccontextmanager
async def lines_to(
    server: Server, key: str, model: str, *, each: int
) -> AsyncIterator[list[tuple[str, Line]]]:
    """Open lines until there are so many to every worker, all of which know key and model."""
    found: dict[str, list[Line]] = {}
    async with AsyncExitStack() as stack:
        for _ in range(MOST_LINES):
            line = await stack.enter_async_context(Line(server.url))
            reply = await _known(line, key, model)
            found.setdefault(server.worker_of(reply.headers["x-request-id"]), []).append(line)
            if len(found) == server.workers and min(map(len, found.values())) >= each:
                break
        else:
            raise AssertionError(f"after {MOST_LINES} connections: {found}")
        yield [(worker, line) for worker, lines in found.items() for line in lines[:each]]


async def _known(line: Line, key: str, model: str) -> Reply:
    """Ask until the worker behind a line has heard of both; raises AssertionError after 5 s."""
    until = time.monotonic() + EVERYWHERE_WITHIN_S
    while (reply := await chat(line, key, Asked("", model))).status != 200:
        assert time.monotonic() < until, reply.body
        await asyncio.sleep(LOOK_EVERY_S)
    return reply


def copied(data: Path, folder: Path) -> None:
    """Copy the data folder of a server that runs; what its workers listen at is no file."""
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("*.metrics"))
