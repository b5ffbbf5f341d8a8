"""Deletes single calls that are older than they are kept, a few at a time; their sums stay."""

import asyncio
import logging
import sqlite3
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import DAY_S, DAY_STEP_S
from llmproxy.infra.database.sqlite.file import SqliteFile

logger = logging.getLogger("llmproxy.ledger")

EVERY_S: Final = 3600.0
PIECE_ROWS: Final = 500
"""So that what is to be written waits a few milliseconds only."""
PAUSE_S: Final = 0.05
POSITIONS_S: Final = 7 * DAY_S
"""How long it is known of a journal file that it is here: longer than it can still be there."""

_KEEP: Final = "UPDATE usage_kept SET kept_from = ? WHERE kept_from < ?"
_PIECE: Final = """
    DELETE FROM usage WHERE number IN (SELECT number FROM usage WHERE at < ? LIMIT ?)
"""
_POSITIONS: Final = "DELETE FROM journal_positions WHERE ended AND at < ?"


class Retention:
    """Works in the background between `start` and `stop`; `days` of 0 keep single calls for ever.

    What time it is now a clock says, so that a clock that jumps ahead deletes too early.
    """

    def __init__(self, file: SqliteFile, clock: Clock, days: int) -> None:
        self._file = file
        self._clock = clock
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Delete what is too old now, and every hour."""
        self._task = asyncio.create_task(self._go_on(), name="usage retention")

    async def stop(self) -> None:
        """Stop; what is not deleted yet is deleted another time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def round(self) -> int:
        """Delete all that is too old now; return how many calls. Raises Unavailable."""
        now = self._clock.now()
        await self._file.write(lambda connection: _forget(connection, now - POSITIONS_S))
        if not self._days:
            return 0
        # Whole steps: the sums of a step are all of its calls, or its calls are all there.
        kept_from = int(now - self._days * DAY_S) // DAY_STEP_S * DAY_STEP_S
        await self._file.write(lambda connection: _keep(connection, kept_from))
        deleted = 0
        while piece := await self._file.write(lambda connection: _delete(connection, kept_from)):
            deleted += piece
            await asyncio.sleep(PAUSE_S)
        if deleted:
            logger.info("%d calls are older than %d days: deleted", deleted, self._days)
        return deleted

    async def _go_on(self) -> None:
        while True:
            try:
                await self.round()
            except Unavailable as error:
                logger.warning("old calls could not be deleted: %s", error.detail)
            except Exception:
                logger.exception("old calls could not be deleted")
            await asyncio.sleep(EVERY_S)


def _keep(connection: sqlite3.Connection, kept_from: int) -> None:
    connection.execute(_KEEP, (kept_from, kept_from))


def _delete(connection: sqlite3.Connection, kept_from: int) -> int:
    return connection.execute(_PIECE, (kept_from, PIECE_ROWS)).rowcount


def _forget(connection: sqlite3.Connection, before: float) -> None:
    connection.execute(_POSITIONS, (before,))
