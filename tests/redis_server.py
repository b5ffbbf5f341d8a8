"""A real Redis on this machine, in a folder of its own, that tests stop, kill, empty and freeze."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port


def require() -> None:
    """Skip the test where redis-server is missing, with the reason; fail it in CI."""
    if shutil.which("redis-server") is not None:
        return
    reason = "redis-server was not found (Debian's package redis-server has it)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class RedisServer:
    """`kept` lets it write all to disk at once, so that a restart finds what was there."""

    def __init__(self, folder: Path, *, kept: bool = False, settings: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "redis.sock"
        self._kept = kept
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        keep = ("--appendonly", "yes", "--appendfsync", "always") if self._kept else ()
        self._process = subprocess.Popen(
            [
                "redis-server",
                *("--port", str(self.port), "--bind", "127.0.0.1"),
                *("--unixsocket", str(self.socket), "--dir", str(self.folder)),
                *("--save", "", "--daemonize", "no", *keep, *self._settings),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = time.monotonic() + 10
        while not self.answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it takes connections and commands."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it in order."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        self._wait()

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=10)
            self._process = None

    def freeze(self) -> None:
        """Let it hang: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """Return what redis-cli prints."""
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        ).stdout.strip()


@contextmanager
def running(
    folder: Path, *, kept: bool = False, settings: tuple[str, ...] = ()
) -> Iterator[RedisServer]:
    """Run one as long as the block lasts."""
    require()
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder, kept=kept, settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
