"""Reads what a gateway prints through a pipe, as whoever collects lines in production does.

On the load's core, in a thread of the bench. Nothing is kept: lines are counted.
"""

import os
import subprocess
import threading
import time
from typing import IO

from typing_extensions import override

from bench.gateway import Gateway, Site
from bench.processes import Started, pinned
from bench.sites import Stage

_READ_BYTES = 65_536
"""What a pipe of Linux holds; pipe(7)."""
_OF_A_CHAT = b'"path":"/v1/chat/completions"'
_PATIENCE_S = 3.0
_LOOK_EVERY_S = 0.05


class Lines(threading.Thread):
    """Counts the lines of one pipe until its other end is closed."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(name="lines", daemon=True)
        self._pipe = pipe
        self._rest = b""
        self.every = 0
        self.chats = 0
        """Those about a request for a chat, as JSON."""

    @override
    def run(self) -> None:
        """Read."""
        with self._pipe:
            while data := os.read(self._pipe.fileno(), _READ_BYTES):
                self.take(data)

    def take(self, data: bytes) -> None:
        """Count the lines that end in it."""
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        self.every += whole.count(b"\n") + len(end)
        self.chats += whole.count(_OF_A_CHAT)

    def chats_once(self, least: int) -> int:
        """Return how many chats have lines once so many have, or after a while."""
        limit = time.monotonic() + _PATIENCE_S
        while self.chats < least and time.monotonic() < limit:
            time.sleep(_LOOK_EVERY_S)
        return self.chats


class PipedStage(Stage):
    """A stage whose gateway prints into a pipe; what it says on stderr goes to its log."""

    def __init__(self, gateway: Gateway, site: Site, core: int) -> None:
        super().__init__(gateway, site, core)
        self.lines: Lines | None = None

    @override
    def _start(self) -> Started:
        log = self.site.folder / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                pinned(self._core, self.gateway.command(self.site)),
                env=self.gateway.environment(self.site),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
            )
        if process.stdout is not None:
            self.lines = Lines(process.stdout)
            self.lines.start()
        return Started(process, log)
