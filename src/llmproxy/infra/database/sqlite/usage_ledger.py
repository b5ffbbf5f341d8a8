"""The ledger in the SQLite file, over connections of its own: nobody else waits behind it."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import History, Scope
from llmproxy.application.interfaces.usage_ledger import (
    Batch,
    Dimension,
    Filter,
    RowPage,
    Sum,
    Taken,
    UsageLedger,
)
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.database.sqlite.file import DEFAULT_BUSY_TIMEOUT_S, SqliteFile
from llmproxy.infra.database.sqlite.usage_history import history
from llmproxy.infra.database.sqlite.usage_prepared import prepared
from llmproxy.infra.database.sqlite.usage_retention import Retention
from llmproxy.infra.database.sqlite.usage_rows import NAMES, call_of
from llmproxy.infra.database.sqlite.usage_sums import Where, between, kept_from, named, sums, tagged
from llmproxy.infra.database.sqlite.usage_taking import take, taken

Result = TypeVar("Result")

_PAGE: Final = f"SELECT {NAMES} FROM usage WHERE {{where}} ORDER BY {{by}} LIMIT ?"  # noqa: S608


class _Order(NamedTuple):
    """Of a list of calls: its words in a query, and what is behind a place."""

    by: str
    behind: str


_OLDEST: Final = _Order("at, request_id", "(at, request_id) > (?, ?)")
_NEWEST: Final = _Order("at DESC, request_id DESC", "(at, request_id) < (?, ?)")


class SqliteUsageLedger(UsageLedger):
    """One connection writes, another reads: long sums do not hold up what is to be kept."""

    def __init__(
        self, writing: SqliteFile, reading: SqliteFile, clock: Clock, retention: Retention
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._clock = clock
        self._retention = retention

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock,
        *,
        keep_rows_days: int | None,
        busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the file and begin to delete calls older than so many days.

        0 keeps them for ever; None, for who looks only, deletes nothing at all. Raises
        StoreUnusableError.
        """
        async with AsyncExitStack() as stack:
            writing = await SqliteFile.open(path, busy_timeout_s=busy_timeout_s)
            stack.push_async_callback(writing.close)
            reading = await SqliteFile.open(path, busy_timeout_s=busy_timeout_s)
            retention = Retention(writing, clock, keep_rows_days or 0)
            if keep_rows_days is not None:
                retention.start()
            stack.pop_all()
        return cls(writing, reading, clock, retention)

    @override
    async def taken(self, source: str) -> Taken:
        return await self._writing.read(lambda connection: taken(connection, source))

    @override
    async def take(self, batch: Batch) -> None:
        new = await self._writing.read(lambda _: prepared(batch.rows))
        now = self._clock.now()
        await self._writing.write(lambda connection: take(connection, batch, new, now))

    @override
    async def sums(self, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
        return await self._reading.read(
            lambda connection: _at_one_moment(connection, lambda: sums(connection, wanted, by))
        )

    @override
    async def rows(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        """See the port. Raises InvalidRequest when `after` is no `next` of a page."""
        place = None if after is None else _place(after)
        order = _NEWEST if newest_first else _OLDEST
        return await self._reading.read(
            lambda connection: _page(connection, wanted, place, most, order)
        )

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        return await self._reading.read(
            lambda connection: _at_one_moment(connection, lambda: history(connection, scopes, now))
        )

    @override
    async def close(self) -> None:
        await self._retention.stop()
        await self._reading.close()
        await self._writing.close()


def _at_one_moment(connection: sqlite3.Connection, work: Callable[[], Result]) -> Result:
    """Read all of it as of one moment, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        return work()
    finally:
        connection.execute("ROLLBACK")


def _page(
    connection: sqlite3.Connection,
    wanted: Filter,
    place: tuple[float, str] | None,
    most: int,
    order: _Order,
) -> RowPage:
    since = max(wanted.since or 0.0, kept_from(connection))
    where = between(since, wanted.until).and_(named(wanted), tagged(wanted.tags))
    if place is not None:
        where = where.and_(Where(order.behind, place))
    text = _PAGE.format(where=where.text, by=order.by)
    found = connection.execute(text, (*where.values, most + 1)).fetchall()
    calls = [call_of(row) for row in found[:most]]
    if len(found) <= most:
        return RowPage(calls, None)
    return RowPage(calls, json.dumps([calls[-1].at, calls[-1].request_id]))


def _place(after: str) -> tuple[float, str]:
    try:
        at, request_id = json.loads(after)
        if isinstance(at, float) and isinstance(request_id, str):
            return at, request_id
    except (ValueError, TypeError):
        pass  # the words below say what is wrong
    raise InvalidRequest("`after` is not the `next` of a page.", param="after")
