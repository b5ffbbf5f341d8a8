"""Carries what a worker has journalled to the ledger, a batch at a time, in the background.

The ledger itself remembers how far it has taken a file, in the same transaction as the rows. So a
batch whose answer was lost is found to be there, and none is taken twice.

What this process has settled is at hand (`fresh`); after a failure, or when it is too much, the
file is read.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from llmproxy.application.interfaces.limiter import Stretch
from llmproxy.application.interfaces.usage_ledger import Batch, UsageLedger
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.ledger.adoption import Adoption
from llmproxy.infra.ledger.journal import WAKE_LINES, FileJournal
from llmproxy.infra.ledger.journal_file import OwnFile, read_piece
from llmproxy.infra.ledger.lines import Piece, settled

logger = logging.getLogger("llmproxy.ledger")

MAX_PAUSE_S: Final = 30.0
ADOPT_EVERY_S: Final = 30.0
LOOK_EVERY_S: Final = 5.0
FLUSH_S: Final = 10.0
_FLUSH_PAUSE_S: Final = 0.1
_SAY_EVERY: Final = 10
"""Failures in a row after which the next one is logged again."""

Adopted = Callable[[str, Stretch], Awaitable[None]]


class _Doubt(NamedTuple):
    """A batch of which the ledger has not said that it took it."""

    file: OwnFile
    end: int
    lines: int


class Carrier:
    """One per worker. `adopted` is told all that a dead worker's file says, before it is deleted.

    It closes neither the journal nor the ledger.
    """

    def __init__(
        self,
        journal: FileJournal,
        ledger: UsageLedger,
        adopted: Adopted | None = None,
        *,
        every_s: float = 1.0,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._adoption = Adoption(journal, ledger, adopted)
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._much = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._doubt: _Doubt | None = None
        self._carried = self._damaged = self._failures = 0
        self._caught_up_at = self._loop.time()
        self._look_at = 0.0
        journal.wake = self._much.set

    def start(self) -> None:
        """Carry from now on, and adopt what dead workers leave."""
        self._tasks = [
            asyncio.create_task(self._carry_on(), name="carrier"),
            asyncio.create_task(self._adopt_on(), name="adoption"),
        ]

    async def adopt(self) -> None:
        """Carry what dead workers have left, as far as that is possible now. Never raises."""
        await self._adoption.round()

    async def flush(self, within_s: float = FLUSH_S) -> bool:
        """Carry all there is now; False, and a line in the log, when the time was too short."""
        until = self._journal.settled_lines
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._carried < until:
                    if not await self._tried():
                        await asyncio.sleep(_FLUSH_PAUSE_S)
        if self._carried >= until:
            return True
        left = until - self._carried
        logger.error("%d settled calls are not in the ledger yet: the journal keeps them", left)
        return False

    async def close(self) -> None:
        """Carry what there is and stop. Closing twice is fine."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await self.flush()
        self._tasks = []

    def counts(self) -> dict[str, int | float]:
        """Return figures of the journal and of its way into the ledger.

        `closed` = `carried` + `waiting_lines`, always.
        """
        waiting = self._journal.settled_lines - self._carried
        age = self._loop.time() - self._caught_up_at if waiting else 0.0
        return {
            **self._journal.counts(),
            "carried": self._carried,
            "waiting_lines": waiting,
            "waiting_bytes": sum(file.size - file.read for file in self._journal.own.files),
            "oldest_waiting_s": round(age, 3),
            "failures_in_a_row": self._failures,
            "damaged": self._damaged + self._adoption.damaged,
            "adopted": self._adoption.files,
            "adopted_rows": self._adoption.rows,
            "interrupted": self._adoption.interrupted,
        }

    async def _carry_on(self) -> None:
        while True:
            await self._pause()
            await self._tried()
            if self._loop.time() >= self._look_at:
                self._look_at = self._loop.time() + LOOK_EVERY_S
                await self._look_around()

    async def _look_around(self) -> None:
        """Count what other workers' files take of the room that all share."""
        try:
            others = await asyncio.to_thread(self._journal.room.beside, self._journal.own.names)
        except OSError as error:
            logger.warning("the journal's folder cannot be read: %s", error)
        else:
            self._journal.room.seen(others)

    async def _pause(self) -> None:
        if self._failures:
            await asyncio.sleep(min(MAX_PAUSE_S, self._every_s * 2**self._failures))
            return
        self._journal.wake_at = self._carried + WAKE_LINES
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._much.wait(), self._every_s)
        self._much.clear()

    async def _tried(self) -> bool:
        """Carry all there is; False when that failed."""
        try:
            async with self._turn:
                await self._carry()
        except Exception as error:  # noqa: BLE001 - it must go on, whatever is wrong with a batch
            self._failed(error)
            return False
        if self._failures:
            logger.warning("the ledger takes rows again")
        self._failures = 0
        return True

    def _failed(self, error: Exception) -> None:
        if self._failures % _SAY_EVERY == 0:
            waiting = self._journal.settled_lines - self._carried
            why = error.detail or error.message if isinstance(error, Unavailable) else None
            message = "the ledger does not take rows (%s); %d wait in the journal"
            logger.error(message, why or repr(error), waiting, exc_info=None if why else error)
        self._failures += 1

    async def _carry(self) -> None:
        """Carry every file to its end. Raises Unavailable or OSError."""
        if self._doubt is not None:
            await self._look_again(self._doubt)
        looked_at = self._loop.time()
        for file in tuple(self._journal.own.files):
            await self._carry_file(file)
            if file is not self._journal.own.files[-1] and self._may_drop(file):
                self._journal.own.drop(file)
        self._caught_up_at = looked_at

    async def _carry_file(self, file: OwnFile) -> None:
        """Carry what is there now; what is written meanwhile waits for the next batch.

        A batch costs a transaction, so that it is to be large.
        """
        ends = file is not self._journal.own.files[-1]
        size = file.size
        fresh = None if ends else self._journal.own.cut()
        while file.read < size or (ends and file.taken < size):
            if fresh is not None and fresh.complete and fresh.begin == file.read:
                piece = Piece(file.read, size, closed=fresh.rows)
            else:
                piece = await asyncio.to_thread(read_piece, file.fd, file.read, size, settled)
            ended = ends and piece.end == size
            if piece.closed or (ended and file.taken < size):
                await self._take(file, piece, ended=ended)
            file.read = piece.end
            if piece.damaged:
                self._damaged += len(piece.damaged)
                logger.error("%s has lines that make no sense at %s", file.name, piece.damaged)

    async def _take(self, file: OwnFile, piece: Piece, *, ended: bool) -> None:
        lines = len(piece.closed)
        self._doubt = _Doubt(file, piece.end, lines)
        await self._ledger.take(Batch(file.name, file.taken, piece.end, piece.closed, ended))
        self._doubt = None
        file.taken = piece.end
        self._carried += lines

    async def _look_again(self, doubt: _Doubt) -> None:
        """Go on from where the ledger is after a failure. Raises Unavailable."""
        taken = await self._ledger.taken(doubt.file.name)
        if taken.end >= doubt.end:
            self._carried += doubt.lines
        doubt.file.taken = doubt.file.read = max(doubt.file.taken, taken.end)
        self._doubt = None

    def _may_drop(self, file: OwnFile) -> bool:
        return not self._journal.own.kept() and file.taken == file.size

    async def _adopt_on(self) -> None:
        while True:
            await asyncio.sleep(ADOPT_EVERY_S)
            await self.adopt()
