"""The journal file: one JSON line at admission, one at settlement, each a single write(2).

A written line survives the death of the process; a timer syncs the file to the disk, which bounds
what a power cut can take. Each worker owns one file at a time. A file that is full is closed and a
new one begun; the oldest closed files are deleted when all together pass the limit, and the log
says so.
"""

import logging
import os
from asyncio import AbstractEventLoop, TimerHandle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.journal import Closed, Journal, Opened
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.wire.hiding import HIDDEN

logger = logging.getLogger("llmproxy.ledger")

FILE_BYTES = 64 * 1024 * 1024
SYNC_EVERY_S = 1.0
SUFFIX = ".jsonl"


class FileJournal(Journal):
    """A line is an `Opened` or a `Closed` as a JSON object under the names of its fields.

    Only a `Closed` has an `outcome`. Its `usage` is an array in the order of `domain.usage.Usage`.
    """

    def __init__(self, folder: Path, *, max_bytes: int, loop: AbstractEventLoop) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._file_bytes = min(FILE_BYTES, max_bytes // 4)
        self._loop = loop
        self._encode = msgspec.json.Encoder().encode
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._timer: TimerHandle | None = None
        self._file_no = 0
        self._fd = -1
        self._size = 0
        self.counts = {"opened": 0, "closed": 0, "lost": 0, "bytes": 0}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._begin()

    def _begin(self) -> None:
        self._file_no += 1
        stamp = f"{os.getpid()}-{os.urandom(4).hex()}-{self._file_no:06d}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL
        self._fd = os.open(self._folder / f"{stamp}{SUFFIX}", flags, 0o600)
        self._size = 0
        self._trim()

    def _trim(self) -> None:
        """Delete the oldest files until all together keep the limit with room for the new one."""
        files = sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        while total > self._max_bytes - self._file_bytes and len(files) > 1:
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()
            logger.warning("journal over %d bytes: deleted %s", self._max_bytes, oldest.name)

    def _write(self, entry: Opened | Closed) -> None:
        line = self._encode(entry) + b"\n"
        size = len(line)
        if os.write(self._fd, line) != size:
            os.ftruncate(self._fd, self._size)  # the next line must not stand behind half a one
            raise OSError("the disk took only a part of a line")
        self._size += size
        self.counts["bytes"] += size
        if self._timer is None:
            self._timer = self._loop.call_later(SYNC_EVERY_S, self._sync)
        if self._size > self._file_bytes:
            self._disk.submit(_sync_and_close, self._fd)
            self._begin()

    def _sync(self) -> None:
        self._timer = None
        self._disk.submit(_fdatasync, self._fd)

    @override
    def opened(self, entry: Opened) -> None:
        try:
            self._write(entry)
        except OSError as error:
            logger.exception("the journal cannot be written")
            raise Unavailable(
                "The gateway cannot record calls now.", code="ledger_unavailable", retry_after_s=5.0
            ) from error
        self.counts["opened"] += 1

    @override
    def closed(self, entry: Closed) -> None:
        _hide(entry)
        try:
            self._write(entry)
        except OSError:
            self.counts["lost"] += 1
            logger.exception("a settlement was not recorded: %s", entry.request_id)
        else:
            self.counts["closed"] += 1

    def close(self) -> None:
        """Sync and close the file."""
        if self._timer is not None:
            self._timer.cancel()
        self._disk.shutdown(wait=True)
        _sync_and_close(self._fd)


def _hide(entry: Closed) -> None:
    """Take secrets out of a failure's code: it is a provider's word, which may be our key."""
    if entry.error is not None:
        entry.error = HIDDEN.hide(entry.error)
    for attempt in entry.attempts:
        if attempt.error is not None:
            attempt.error = HIDDEN.hide(attempt.error)


def _fdatasync(fd: int) -> None:
    try:
        os.fdatasync(fd)
    except OSError:
        logger.exception("the journal could not be synced")


def _sync_and_close(fd: int) -> None:
    _fdatasync(fd)
    os.close(fd)
