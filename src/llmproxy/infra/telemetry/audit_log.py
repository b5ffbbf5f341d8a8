"""The audit: one JSON line per change of a model, a key or a project.

A line stands in `audit.jsonl` and, by the logger `llmproxy.audit`, in the log. Several processes
may write into one folder: each line is one write(2) to a file opened with O_APPEND, and whoever
finds the file full moves it aside under a lock.
"""

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.audit import Audit, Change
from llmproxy.application.interfaces.clock import Clock

logger = logging.getLogger("llmproxy.audit")

FILE: Final = "audit.jsonl"
FILE_BYTES: Final = 16 * 1024 * 1024
FILES: Final = 8
"""How many are kept, the present one among them; `audit.jsonl.1` is the newest of the full ones."""
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class AuditLog(Audit):
    """A line has the fields `at` (unix seconds), `actor`, `what`, `subject`, `before`, `after`.

    The file is opened for each line, which are few: nothing is held open, and a file that
    somebody else has moved is not written on.
    """

    def __init__(self, folder: Path, clock: Clock, *, file_bytes: int = FILE_BYTES) -> None:
        self._folder = folder
        self._clock = clock
        self._file_bytes = file_bytes
        self._encode = msgspec.json.Encoder().encode

    @override
    def record(self, change: Change) -> None:
        line = self._encode(
            {
                "at": self._clock.now(),
                "actor": change.actor.name,
                "what": change.what,
                "subject": change.subject,
                "before": change.before,
                "after": change.after,
            }
        )
        logger.info("%s", line.decode())
        try:
            self._append(line + b"\n")
        except OSError:
            logger.exception("a change was made and could not be recorded in %s", self._folder)

    def _append(self, line: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self._folder / FILE
            if path.exists() and path.stat().st_size + len(line) > self._file_bytes:
                self._move_aside(path)
            _write(path, line)
        finally:
            os.close(lock)

    def _move_aside(self, path: Path) -> None:
        """Give the full files their next numbers; the oldest makes room."""
        for number in range(FILES - 1, 0, -1):
            older = path.with_name(f"{FILE}.{number}")
            newer = path if number == 1 else path.with_name(f"{FILE}.{number - 1}")
            if newer.exists():
                newer.replace(older)


def _write(path: Path, line: bytes) -> None:
    """Append a whole line or nothing."""
    file = os.open(path, _FLAGS, 0o600)
    try:
        size = os.fstat(file).st_size
        if os.write(file, line) != len(line):
            os.ftruncate(file, size)
            raise OSError("the disk took only a part of a line")
    finally:
        os.close(file)
