"""A real Redis beside the load: on its core, without files, for one run."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import programs_environment
from bench.processes import NotStartedError, Started, free_ports, start, stop

_PROGRAM = "redis-server"
_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Redis:
    """One that answers."""

    url: str
    pid: int


def missing() -> str | None:
    """Why none can be started; None when one can."""
    return None if shutil.which(_PROGRAM) else f"{_PROGRAM} was not found"


@contextmanager
def running(folder: Path, core: int) -> Iterator[Redis]:
    """Start one, and stop it in the end. Raises NotStartedError."""
    [port] = free_ports(1)
    folder.mkdir()
    started = start(
        [
            *(_PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
        ],
        core=core,
        log=folder / "redis.log",
        environment=programs_environment(),
    )
    try:
        _wait(port, started)
        yield Redis(f"redis://127.0.0.1:{port}/0", started.pid)
    finally:
        stop(started)


def _wait(port: int, started: Started) -> None:
    limit = time.monotonic() + _START_S
    while not _answers(port):
        if started.process.poll() is not None or time.monotonic() > limit:
            raise NotStartedError(f"{_PROGRAM}: {started.log_end()}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as line:
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
    except OSError:
        return False
