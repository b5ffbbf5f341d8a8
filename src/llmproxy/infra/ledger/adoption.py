"""What dead workers leave: their files are carried to the end, and their open calls become rows.

A worker holds the locks of its files as long as it lives, so a file whose lock is free is nobody's.
Whoever gets the lock carries what is left, and deletes the file. Each step can be done again: the
ledger knows what it has taken of a file, and passes over a request that it has.

The files of one worker are adopted from the newest to the oldest: a call that is open in an older
one may have been opened again and settled in a newer one, whose row then is there first.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from llmproxy.application.interfaces.journal import Closed, Opened
from llmproxy.application.interfaces.limiter import Stretch, Told
from llmproxy.application.interfaces.usage_ledger import Batch, Taken, UsageLedger
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.ledger.journal_file import by_worker, clear_new, lock, read_piece
from llmproxy.infra.ledger.lines import Piece, everything, interrupted, is_ours, told

logger = logging.getLogger("llmproxy.ledger")

DAMAGED: Final = ".damaged"
"""Stands behind the name of a file that was carried but for lines that make no sense."""


@dataclass(slots=True)
class _Left:
    """A file that nobody holds, and what was found in it. `known` are the calls of the next one."""

    path: Path
    fd: int
    known: set[str]
    taken: Taken
    calls: set[str] = field(default_factory=set)
    open: dict[str, Opened] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    goes_on: bool = False
    end: int = 0


class Adoption:
    """Goes over the folder again and again; the figures are since the start."""

    def __init__(
        self,
        journal: FileJournal,
        ledger: UsageLedger,
        adopted: Callable[[str, Stretch], Awaitable[None]] | None,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._adopted = adopted
        self._turn = asyncio.Lock()
        self._foreign: set[str] = set()
        self.files = self.rows = self.interrupted = self.damaged = 0

    async def round(self) -> None:
        """Adopt all that can be adopted now; what cannot stays for the next round."""
        async with self._turn:
            try:
                await asyncio.to_thread(clear_new, self._journal.own.folder)
                for files in await asyncio.to_thread(by_worker, self._journal.own.folder):
                    if not files[0].name.startswith(self._journal.own.worker):
                        await self._worker(files)
            except Unavailable as error:
                logger.warning("journals cannot be adopted now: %s", error.detail or error.message)
            except Exception:
                logger.exception("journals could not be adopted")

    async def _worker(self, files: list[Path]) -> None:
        """Adopt the files of one worker, which stand from the newest to the oldest."""
        known: set[str] = set()
        newest = True
        held: list[int] = []
        done: list[_Left] = []
        try:
            for path in files:
                fd = await asyncio.to_thread(lock, path)
                if fd is None:
                    newest = False  # somebody has it, and with it the end of calls that are open
                    continue
                held.append(fd)
                left = _Left(path, fd, known, await self._ledger.taken(path.name))
                if await self._adopt(left, newest=newest):
                    done.append(left)
                known = left.calls
            # The oldest first: what a newer one knows is there until the older one is gone.
            for left in reversed(done):
                await asyncio.to_thread(self._let_go, left)
        finally:
            for fd in held:
                os.close(fd)

    async def _adopt(self, left: _Left, *, newest: bool) -> bool:
        """Carry a file; False when it must stay."""
        if not await asyncio.to_thread(_ours, left.fd):
            await self._not_ours(left)
            return False
        await self._carry(left)
        if left.open and not left.goes_on and not newest:
            return False
        rows = [] if left.goes_on else _interrupted(left)
        if not left.taken.ended:
            await self._take(left, left.end, rows, ended=True)
            self.interrupted += len(rows)
            logger.info("%s is adopted: %d calls were interrupted", left.path.name, len(rows))
        if self._adopted is not None:
            lines = [*left.told, *(told(row, left.end) for row in rows)]
            await self._adopted(left.path.name, Stretch(left.path.name, 0, left.end + 1, lines))
        left.told = []
        return True

    async def _carry(self, left: _Left) -> None:
        pieces = _pieces(left.fd)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            left.end = piece.end
            left.damaged += piece.damaged
            left.goes_on = left.goes_on or piece.next
            left.open.update((entry.request_id, entry) for entry in piece.opened)
            left.calls.update(left.open)
            for row in piece.closed:
                left.open.pop(row.request_id, None)
                left.calls.add(row.request_id)
            if self._adopted is not None:
                left.told += map(told, piece.closed, piece.at)
            begin = left.taken.end
            rows = [row for row, at in zip(piece.closed, piece.at, strict=True) if at >= begin]
            if rows:
                await self._take(left, piece.end, rows, ended=False)

    async def _take(self, left: _Left, end: int, rows: list[Closed], *, ended: bool) -> None:
        begin = left.taken.end
        await self._ledger.take(Batch(left.path.name, begin, max(begin, end), rows, ended))
        left.taken = Taken(max(begin, end), ended)
        self.rows += len(rows)

    def _let_go(self, left: _Left) -> None:
        """Delete the file; one with lines that make no sense is kept under another name."""
        self.files += 1
        if not left.damaged:
            left.path.unlink(missing_ok=True)
            return
        self.damaged += len(left.damaged)
        kept = left.path.with_name(left.path.name + DAMAGED)
        left.path.rename(kept)
        places = left.damaged[:10]
        logger.error("%d lines make no sense, the first at %s: %s", len(left.damaged), places, kept)

    async def _not_ours(self, left: _Left) -> None:
        """Delete a file that a power cut has left empty; keep any other, and say so once."""
        name = left.path.name
        if await asyncio.to_thread(lambda: os.fstat(left.fd).st_size) == 0:
            await asyncio.to_thread(left.path.unlink, missing_ok=True)
        elif name not in self._foreign:
            self._foreign.add(name)
            logger.error("%s is no journal of this version: it stays as it is", left.path)


def _interrupted(left: _Left) -> list[Closed]:
    """Return rows of the calls that nothing more is known of, here or in the next file."""
    unknown = [entry for entry in left.open.values() if entry.request_id not in left.known]
    return [interrupted(entry) for entry in unknown]


def _ours(fd: int) -> bool:
    return is_ours(os.pread(fd, 64, 0))


def _pieces(fd: int) -> Iterator[Piece]:
    """Read a file from its beginning. A last line without its end was never written."""
    begin, size = 0, os.fstat(fd).st_size
    while (piece := read_piece(fd, begin, size, everything)).end > begin:
        yield piece
        begin = piece.end
