"""Writes lines in a thread of its own: a reader that is slow or stopped must not stop the gateway.

One file, one thread. What is handed over while it is at work waits, up to a bound.
"""

import logging
import os
import select
import threading
from typing import Protocol

logger = logging.getLogger("llmproxy")

LAST_S = 2.0
"""How long the end waits for the last lines."""
FULL_S = 0.25
"""How long is waited for room at once, in a pipe that does not wait by itself."""
LINE_FEED = b"\n"


class File(Protocol):
    """What lines are written to."""

    def fileno(self) -> int:
        """Return its descriptor."""


class Pen:
    """`write` takes one batch at a time; `idle` says whether it would.

    The thread begins with the first batch. A batch that cannot be written (the disk is full, the
    reader is gone) is counted by the lines of it that are not there whole. Where one was broken off
    in its middle the next begins on a line of its own.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._batch: list[bytes] = []
        self._handed = threading.Event()
        self._done = threading.Event()
        self._done.set()
        self._thread: threading.Thread | None = None
        self._failed = False
        self._written = 0
        self._broken_off = False
        self.lost = 0

    @property
    def idle(self) -> bool:
        """Whether all that was handed over is written."""
        return self._done.is_set()

    def write(self, lines: list[bytes]) -> None:
        """Hand over a batch; only while `idle`."""
        self._batch = lines
        self._done.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pen", daemon=True)
            self._thread.start()
        self._handed.set()

    def wait(self, seconds: float = LAST_S) -> bool:
        """Return once all is written, or after this time; whether it is."""
        return self._done.wait(seconds)

    def _run(self) -> None:
        while True:
            self._handed.wait()
            self._handed.clear()
            data, self._written = b"".join(self._batch), 0
            try:
                self._put(data)
                self._failed = False
            except (OSError, ValueError) as error:  # closed, full, or nobody reads any more
                self._note_lost(data)
                if not self._failed:
                    logger.warning("access lines cannot be written: %s", error)
                self._failed = True
            finally:
                self._batch = []
                self._done.set()

    def _put(self, data: bytes) -> None:
        """Write all of it; `_written` says how far that came. Raises OSError and ValueError."""
        number = self._file.fileno()
        if self._broken_off:
            _write(number, memoryview(LINE_FEED))
            self._broken_off = False
        view = memoryview(data)
        while self._written < len(data):
            self._written += _write(number, view[self._written :])

    def _note_lost(self, data: bytes) -> None:
        written = self._written
        self.lost += data.count(LINE_FEED, written)
        if written:
            self._broken_off = data[written - 1 : written] != LINE_FEED


def _write(number: int, view: memoryview) -> int:
    """Write some of it, and return how much, as soon as there is room. Raises OSError."""
    while True:
        try:
            return os.write(number, view)
        except BlockingIOError:  # whoever shares the pipe may have made it so
            room = select.poll()
            room.register(number, select.POLLOUT)
            room.poll(FULL_S * 1000)
