"""The ledger in Azure Cosmos DB: sums by default, single calls where they are asked for.

A call as an item of its own costs what an item costs, and how many calls there are nobody knows
before. So the ledger keeps sums (usage_part.py), each in one item with the position in the journal
up to which it counts; usage_book.py keeps starts short. Single calls (usage_calls.py) are written
before the sums that count them, under their own ids: whatever is written again changes nothing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final

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
from llmproxy.domain.errors import ReadOnly, Unavailable
from llmproxy.infra.database.cosmos.account import CosmosAccount
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.usage_book import PARTITION, BookPage, page_id, read_page
from llmproxy.infra.database.cosmos.usage_calls import UsageCalls
from llmproxy.infra.database.cosmos.usage_folding import Folding
from llmproxy.infra.database.cosmos.usage_history import QUESTION, Tally
from llmproxy.infra.database.cosmos.usage_part import RECENT_S, Part
from llmproxy.infra.database.cosmos.usage_shelf import UsageShelf
from llmproxy.infra.database.cosmos.usage_sums import Totals, add, check_edges, question, sums_of

logger = logging.getLogger("llmproxy.ledger")

FOLD_AT_PARTS: Final = 64
"""So many full parts beside the book, and it is time to fold."""
_FULL_PARTS: Final = 16
"""Or so many that this worker has filled."""
_TRIES: Final = 5
_SOURCES: Final = 32
"""Journal files whose last part is remembered: a worker writes one and adopts a few."""


class CosmosUsageLedger(UsageLedger):
    """Shares its account with repositories; closing it closes the account.

    With `rows` every call is an item too, for `keep_rows_days` (0: for ever).
    """

    def __init__(
        self, account: CosmosAccount, clock: Clock, *, rows: bool, keep_rows_days: int
    ) -> None:
        self._account = account
        self._shelf = UsageShelf(account)
        self._calls = UsageCalls(self._shelf, keep_rows_days, clock) if rows else None
        self._folding = Folding(self._shelf)
        self._fold_at: int | None = None
        self._filled = 0
        self._taking = asyncio.Lock()
        self._parts: OrderedDict[str, Part] = OrderedDict()

    @override
    async def taken(self, source: str) -> Taken:
        part = await self._part(source)
        return Taken(part.end, part.ended)

    @override
    async def take(self, batch: Batch) -> None:
        async with self._taking:
            if self._calls is not None and batch.rows:
                await self._calls.write(batch.rows)
            part = await self._take(batch)
            await self._fold(part.written_at)

    @override
    async def sums(self, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
        check_edges(wanted)
        totals: Totals = {}
        async for items in self._shelf.pages(*question(wanted)):
            # In a thread, so that a year of parts does not hold up requests.
            await asyncio.to_thread(add, totals, items, wanted, by)
        return await asyncio.to_thread(sums_of, totals)

    @override
    async def rows(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        if self._calls is None:
            raise ReadOnly(
                "The ledger in Azure Cosmos DB keeps sums here, not single calls.",
                hint="USAGE_ROWS=on keeps both from then on (docs/cosmos.md says what it costs).",
            )
        return await self._calls.read(wanted, after, most, newest_first=newest_first)

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        tally = Tally(scopes, now)
        async for items in self._shelf.pages(QUESTION, {}):
            await asyncio.to_thread(tally.add, items)
        # After the parts: see usage_book.py.
        pages: dict[int, BookPage] = {}
        for number in tally.pages:
            pages[number] = read_page(number, await self._shelf.read(page_id(number), PARTITION))
        if tally.full_parts >= FOLD_AT_PARTS and self._fold_at is None:
            self._fold_at = 0
        return tally.history(pages)

    @override
    async def close(self) -> None:
        await self._account.close()

    async def _take(self, batch: Batch) -> Part:
        for _ in range(_TRIES):
            part = await self._part(batch.source)
            if _holds(part, batch):
                return part
            if part.end != batch.begin:
                raise ValueError(
                    f"{batch.source}: bytes {batch.begin} to {batch.end} do not go on from "
                    f"{part.end}"
                )
            try:
                return await self._count(part, batch)
            except Collided:
                continue  # another writer, or an answer of ours that was lost: look again
        raise Unavailable(
            "The store cannot be reached at the moment.",
            retry_after_s=1.0,
            detail=f"somebody else writes the sums of {batch.source} too",
        )

    async def _count(self, part: Part, batch: Batch) -> Part:
        """Count a batch, in as many parts as it fills. Raises Collided and Unavailable."""
        # Until it is written, what is remembered is not what is there.
        del self._parts[batch.source]
        # A batch may be shorter than the one of which some rows are counted already.
        done = min(part.ahead, len(batch.rows))
        left = part.ahead - done
        rows = batch.rows[done:]
        since = batch.rows[-1].at - RECENT_S if batch.rows else 0.0
        while True:
            if part.full:
                part = part.following()
            # In a thread, since thousands of calls would hold up requests.
            counted = await asyncio.to_thread(part.add, rows, since)
            rows, done = rows[counted:], done + counted
            if rows:
                part.ahead = done
            else:
                part.end, part.ahead, part.ended = batch.end, left, batch.ended
                part.full = part.full or batch.ended
            await self._shelf.write(part)
            self._filled += part.full
            if not rows:
                self._remember(part)
                return part

    async def _part(self, source: str) -> Part:
        part = self._parts.get(source)
        if part is None:
            part = await self._shelf.newest(source)
            self._remember(part)
        return part

    def _remember(self, part: Part) -> None:
        self._parts[part.source] = part
        self._parts.move_to_end(part.source)
        while len(self._parts) > _SOURCES:
            self._parts.popitem(last=False)

    async def _fold(self, now: int) -> None:
        """Fold when it is time. What goes wrong is told in the log: it is done later as well."""
        if self._filled >= _FULL_PARTS and self._fold_at is None:
            self._fold_at = now
        if self._fold_at is None or now < self._fold_at:
            return
        self._filled = 0
        self._fold_at = now + 600
        try:
            self._fold_at = await self._folding.round(now)
        except (Unavailable, ValueError) as error:
            logger.warning("old sums were not folded: %s", getattr(error, "detail", "") or error)


def _holds(part: Part, batch: Batch) -> bool:
    """Tell whether a batch is here already."""
    if batch.end == part.end and not part.ahead:
        return part.ended or not batch.ended
    return batch.end < part.end
