"""Writes lines in a thread of its own: a reader that is slow or stopped must not stop the gateway.

One file, one thread. What is handed over while it is at work waits, up to a bound.
"""

import logging
import os
import threading
from typing import Protocol

logger = logging.getLogger("llmproxy")

LAST_S = 2.0
"""How long the end waits for the last lines."""


class File(Protocol):
    """What lines are written to."""

    def fileno(self) -> int:
        """Return its descriptor."""


class Pen:
    """`write` takes one batch at a time; `idle` says whether it would.

    The thread begins with the first batch. A batch that cannot be written (the disk is full, the
    reader is gone) is counted by the lines in it.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._batch: list[bytes] = []
        self._handed = threading.Event()
        self._done = threading.Event()
        self._done.set()
        self._thread: threading.Thread | None = None
        self._failed = False
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
            try:
                self._put(b"".join(self._batch))
                self._failed = False
            except (OSError, ValueError) as error:  # closed, full, or nobody reads any more
                self.lost += len(self._batch)
                if not self._failed:
                    logger.warning("access lines cannot be written: %s", error)
                self._failed = True
            finally:
                self._batch = []
                self._done.set()

    def _put(self, data: bytes) -> None:
        view, number = memoryview(data), self._file.fileno()
        while view:
            view = view[os.write(number, view) :]
