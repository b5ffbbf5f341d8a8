"""Single calls: written many at once, and read page by page, in the order of their time."""

import asyncio
import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.usage_ledger import Filter, RowPage
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.database.cosmos.account import Item
from llmproxy.infra.database.cosmos.usage_call import item_of, partition_of, row_of
from llmproxy.infra.database.cosmos.usage_hours import UsageHours
from llmproxy.infra.database.cosmos.usage_item import HOUR_S
from llmproxy.infra.database.cosmos.usage_shelf import UsageShelf

BATCH_OPERATIONS: Final = 100
BATCH_BYTES: Final = 1_500_000
"""A transactional batch has at most 100 operations and 2 MB ("Transactional batch operations in
Azure Cosmos DB", learn.microsoft.com)."""
_AT_ONCE: Final = 4
HOURS_ASKED: Final = 500
"""For one page: an hour without a call that fits costs a query all the same."""
HOURS_AT_ONCE: Final = 8
_NEWEST: Final = "newest"
"""Stands in the places of a list that begins with the newest call: positions are of one order."""


Question = tuple[str, dict[str, object]]
"""A query and its parameters."""


class UsageCalls:
    """The calls of a container. `keep_days` is how long each stays there, 0 for ever."""

    def __init__(self, shelf: UsageShelf, keep_days: int, clock: Clock) -> None:
        self._shelf = shelf
        self._hours = UsageHours(shelf, clock)
        self._keep_days = keep_days

    async def write(self, rows: Sequence[Closed]) -> None:
        """Write calls, each in place of what has its id: doing it again changes nothing."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(batch: list[Item]) -> None:
            operations = [("upsert", (item,)) for item in batch]
            async with turns:
                await self._shelf.account.write(
                    lambda: self._shelf.container.execute_item_batch(
                        operations, partition_key=batch[0]["partition"]
                    )
                )

        # In a thread, since thousands of calls would hold up requests.
        batches = await asyncio.to_thread(self._batches, rows)
        # All are waited for, so that nothing is still being written when a failure is told.
        outcomes = await asyncio.gather(*map(in_turn, batches), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def read(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool
    ) -> RowPage:
        """Return at most so many calls; maybe fewer, with a `next`, where most hours hold none.

        Raises InvalidRequest for an `after` that is none of ours, or of the other order.
        """
        hour, position = _place(after, newest_first=newest_first) if after else (None, None)
        found: list[Closed] = []
        hours = await self._from(wanted, hour, newest_first=newest_first)
        if hours[:1] != [hour]:
            position = None
        question = _question(wanted, newest_first=newest_first)
        step = -HOUR_S if newest_first else HOUR_S
        asked, at_once = 0, 1
        while hours and len(found) < most and asked < HOURS_ASKED:
            turn = hours[:at_once]
            pages = await self._pages(question, turn, position, most - len(found))
            done, position = _append(found, pages, most)
            hours = hours[done:] or await self._from(
                wanted, turn[-1] + step, newest_first=newest_first
            )
            asked, at_once = asked + len(turn), min(2 * at_once, HOURS_AT_ONCE)
        token = _token(hours[0], position, newest_first=newest_first) if hours else None
        return RowPage(found, token)

    async def _from(self, wanted: Filter, hour: int | None, *, newest_first: bool) -> list[int]:
        """Return some hours from this one on, or from where the list begins; none at the end."""
        if newest_first:
            return await self._hours.newest(wanted, None if hour is None else hour + HOUR_S)
        return await self._hours.oldest(wanted, hour)

    def _batches(self, rows: Sequence[Closed]) -> list[list[Item]]:
        return list(_batches([item_of(row, self._keep_days) for row in rows]))

    async def _pages(
        self, question: Question, hours: Sequence[int], position: str | None, most: int
    ) -> list[tuple[list[Closed], str | None]]:
        """Ask several hours at once, the first of them from a position on."""

        async def page(hour: int, after: str | None) -> tuple[list[Closed], str | None]:
            text, parameters = question
            partition = partition_of(hour)
            items, behind = await self._shelf.page(
                text,
                parameters | {"@partition": partition},
                partition=partition,
                after=after,
                most=most,
            )
            return [row_of(item) for item in items], behind

        first, *others = hours
        return await asyncio.gather(page(first, position), *[page(each, None) for each in others])


def _append(
    found: list[Closed], pages: Sequence[tuple[list[Closed], str | None]], most: int
) -> tuple[int, str | None]:
    """Add the pages that fit; return how many hours are done, and the position in the next one."""
    for done, (rows, position) in enumerate(pages):
        if len(found) + len(rows) > most:
            return done, None
        found.extend(rows)
        if position is not None:
            return done, position
    return len(pages), None


def _question(wanted: Filter, *, newest_first: bool) -> Question:
    text = "SELECT * FROM c WHERE c.partition = @partition AND c.kind = 'call'"
    parameters: dict[str, object] = {}
    for name, sign, at in (("since", ">=", wanted.since), ("until", "<", wanted.until)):
        if at is not None:
            text += f" AND c.at {sign} @{name}"
            parameters[f"@{name}"] = at
    named = (("project", wanted.projects), ("key", wanted.keys), ("model", wanted.models))
    for name, values in named:
        if values:
            text += f" AND ARRAY_CONTAINS(@{name}, c.{name})"
            parameters[f"@{name}"] = sorted(values)
    if wanted.tags:
        tags = {f"@tag{place}": tag for place, tag in enumerate(sorted(wanted.tags))}
        text += f" AND ({' OR '.join(f'ARRAY_CONTAINS(c.tags, {name})' for name in tags)})"
        parameters |= tags
    return f"{text} ORDER BY c.at{' DESC' if newest_first else ''}", parameters


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    """Cut calls into what one batch takes: of one partition, not too many, not too large."""
    by_partition: dict[str, list[Item]] = {}
    for item in items:
        by_partition.setdefault(item["partition"], []).append(item)
    for part in by_partition.values():
        batch: list[Item] = []
        size = 0
        for item in part:
            length = len(json.dumps(item))
            if batch and (len(batch) == BATCH_OPERATIONS or size + length > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += length
        yield batch


def _token(hour: int, position: str | None, *, newest_first: bool) -> str:
    text = json.dumps([hour, position, *_order(newest_first=newest_first)])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")


def _order(*, newest_first: bool) -> list[str]:
    return [_NEWEST] if newest_first else []


def _place(token: str, *, newest_first: bool) -> tuple[int, str | None]:
    try:
        place: Any = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        place = None
    order = _order(newest_first=newest_first)
    if isinstance(place, list) and len(place) == 2 + len(order) and place[2:] == order:
        hour, position = place[:2]
        known = position is None or isinstance(position, str)
        if type(hour) is int and hour >= 0 and hour % HOUR_S == 0 and known:
            return hour, position
    raise InvalidRequest("after is no place of this list: take `next` of a page.", param="after")
