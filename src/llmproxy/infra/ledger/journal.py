"""The journal: one line at admission, one at settlement, each a single write(2).

A written line survives the death of the process; a timer syncs the file to the disk, which bounds
what a power cut can take. Each worker has files of its own and holds the lock of each until the
ledger has all of it (`carrier`); what a dead worker leaves is adopted (`adoption`).
"""

import errno
import logging
import os
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from pathlib import Path
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.journal import Closed, Journal, Opened
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.ledger.backlog import Backlog
from llmproxy.infra.ledger.disk import Complaints, Disk
from llmproxy.infra.ledger.lines import LINE_FEED, encode, encode_into
from llmproxy.infra.ledger.own_files import OwnFiles
from llmproxy.infra.ledger.room import NO_ROOM, Room
from llmproxy.infra.wire.hiding import HIDDEN

logger = logging.getLogger("llmproxy.ledger")

FILE_BYTES: Final = 64 * 1024 * 1024
FILES: Final = 16
"""The bound on the disk holds at least so many files, so that workers that have carried all do not
fill it with the files that they write now."""
SYNC_EVERY_S: Final = 1.0
TRY_AGAIN_S: Final = 1.0
WAKE_LINES: Final = 2_000
SAID_LOST: Final = 100
"""So many lost settlements are named in the log; after them only their number is."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileJournal(Journal):
    """Files of `file_bytes` or a little more; all of the folder together keep `max_bytes`.

    When the disk or that bound is full, admissions are refused or, without `refuse_when_full`, go
    unrecorded and are counted; settlements wait in memory until there is room.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        loop: AbstractEventLoop,
        refuse_when_full: bool = True,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        """Make the folder and the first file. Raises OSError; a full disk is no reason to."""
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        self._complaints = Complaints(loop.time, self._figures)
        self._disk = Disk(self._complaints)
        self.room = Room(folder, max_bytes)
        self.own = OwnFiles(
            folder, self.room, self._disk, loop, min(file_bytes, max_bytes // FILES)
        )
        self.settled_lines = 0
        self.wake: Callable[[], None] = _nobody
        """Called when `settled_lines` reaches `wake_at`."""
        self.wake_at = WAKE_LINES
        self._refuses = refuse_when_full
        self._loop = loop
        self._timer: TimerHandle | None = None
        self._retry: TimerHandle | None = None
        self._open: dict[str, Opened] = {}
        self._line = bytearray()
        self._backlog = Backlog()
        self._opened = self._unjournalled = self._lost = 0
        self._closed = False
        self.room.seen(self.room.beside(self.own.names))
        try:
            self.own.begin(())
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._complaints.say(error, "the disk has no room for a journal")

    @override
    def opened(self, entry: Opened) -> None:
        line = self._line
        encode_into(entry, line)
        line.append(LINE_FEED)
        try:
            size = self._write(line, self.room.admissions)
        except OSError as error:
            self._not_opened(error)
            return
        self._open[entry.request_id] = entry
        self._opened += 1
        if size > self.own.full_at:
            self._rotate()

    @override
    def closed(self, entry: Closed) -> None:
        # A failure's code is a provider's word, which may be our key.
        if entry.error is not None:
            entry.error = HIDDEN.hide(entry.error)
        attempts = entry.attempts = entry.attempts.copy()  # what becomes of its call is in no line
        for attempt in attempts:
            if attempt.error is not None:
                attempt.error = HIDDEN.hide(attempt.error)
        line = self._line
        encode_into(entry, line)
        line.append(LINE_FEED)
        try:
            size = self._write(line, self.room.all)
        except OSError as error:
            self._wait_with(entry.request_id, bytes(line), error)
            return
        fresh = self.own.fresh
        if size <= fresh.until:
            fresh.rows.append(entry)
        else:
            fresh.give_up()
        self._settled(entry.request_id, size)

    def place(self) -> tuple[str, int]:
        """Return the name of the file that is written now, and how many bytes it has."""
        return self.own.current.name, self.own.current.size

    def waiting(self) -> list[bytes]:
        """Return the settlements that no file has yet."""
        return self._backlog.lines()

    def counts(self) -> dict[str, int]:
        """Return what was counted since the start, and how many calls, bytes and files there are.

        `unwritten` are settlements that wait for the disk.
        """
        return {
            "opened": self._opened,
            "closed": self.settled_lines,
            "open": len(self._open),
            "bytes": self.room.used,
            "files": len(self.own.files),
            "unwritten": len(self._backlog),
            "lost": self._lost,
            "unjournalled": self._unjournalled,
        }

    def close(self) -> None:
        """Sync and let go of all files; what in them is not carried is adopted by the next worker.

        Closing twice is fine.
        """
        if self._closed:
            return
        self._closed = True
        self._catch_up()
        if self._backlog:
            logger.error("%d settlements could not be written: lost", len(self._backlog))
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        self.own.close()
        self._disk.end()

    def _write(self, line: bytes | bytearray, most: int) -> int:
        """Write a line; return how many bytes the file has then. Raises OSError."""
        size = len(line)
        room = self.room
        if room.used + size > most:
            raise OSError(errno.ENOSPC, NO_ROOM)
        file = self.own.current
        if os.write(file.fd, line) != size:
            os.ftruncate(file.fd, file.size)  # the next line must not stand behind half a one
            raise OSError(errno.ENOSPC, "the disk took only a part of a line")
        file.size = end = file.size + size
        room.used += size
        if self._timer is None:
            self._timer = self._loop.call_later(SYNC_EVERY_S, self._sync)
        return end

    def _settled(self, request_id: str, size: int) -> None:
        self._open.pop(request_id, None)
        self.settled_lines += 1
        if self.settled_lines == self.wake_at:
            self.wake()
        # Not before: the next file begins with the calls that are open.
        if size > self.own.full_at:
            self._rotate()

    def _rotate(self) -> None:
        try:
            self.own.rotate([encode(entry) + b"\n" for entry in self._open.values()])
        except OSError as error:
            self._complaints.say(error, "the journal could not change to a new file")

    def _sync(self) -> None:
        self._timer = None
        self._disk.sync(self.own.current)

    def _not_opened(self, error: OSError) -> None:
        self._try_again_later()
        if self._refuses:
            self._complaints.say(error, "the journal cannot be written: calls are refused")
            raise Unavailable(
                "The gateway cannot record calls now.", code="ledger_unavailable", retry_after_s=5.0
            ) from error
        self._unjournalled += 1
        self._complaints.say(error, "the journal cannot be written: calls go unrecorded")

    def _wait_with(self, request_id: str, line: bytes, error: OSError) -> None:
        """Keep a settlement in memory until the disk takes it.

        In the files its call is open until then: of one that is lost here, a row says at least that
        it was interrupted.
        """
        self._try_again_later()
        if not self._backlog.add(request_id, line):
            self._lost += 1
            if self._lost <= SAID_LOST:
                logger.error("too many settlements wait for the disk: %s is lost", request_id)
        self._complaints.say(error, "settlements cannot be written")

    def _try_again_later(self) -> None:
        if self._retry is None:
            self._retry = self._loop.call_later(TRY_AGAIN_S, self._again)

    def _again(self) -> None:
        self._retry = None
        self._catch_up()
        if self._backlog or self.own.current.fd < 0:
            self._try_again_later()

    def _catch_up(self) -> None:
        """Write what waits, as far as the disk takes it."""
        try:
            if self.own.current.fd < 0:
                self.own.begin(())
            while self._backlog:
                request_id, line = self._backlog.first
                self.own.fresh.give_up()
                size = self._write(line, self.room.all)
                self._backlog.written()
                self._settled(request_id, size)
        except OSError as error:
            self._complaints.say(error, "the journal cannot be written still")

    def _figures(self) -> str:
        return (
            f"{self._unjournalled} calls went unrecorded, "
            f"{len(self._backlog)} settlements wait for the disk, {self._lost} are lost"
        )


def _nobody() -> None:
    """Nothing carries what is written."""
