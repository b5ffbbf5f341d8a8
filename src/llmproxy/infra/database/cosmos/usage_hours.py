"""Which hours hold single calls, in the order in which they are read: the sums' parts know them."""

import math
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.usage_ledger import Filter
from llmproxy.domain.limit import DAY_S
from llmproxy.infra.database.cosmos.usage_item import HOUR_S
from llmproxy.infra.database.cosmos.usage_shelf import UsageShelf

_WIDER: Final = 8
_NEVER_S: Final = 2**33


def hour_of(at: float) -> int:
    """Return when the hour of a time begins, in unix seconds as all times here."""
    return int(at) - int(at) % HOUR_S


class UsageHours:
    """Most of the time the hours of a day are enough, so these are asked for before wider spans."""

    def __init__(self, shelf: UsageShelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    async def oldest(self, wanted: Filter, begin: int | None) -> list[int]:
        """Return some hours with calls, in order, the first at or after `begin`; none at the end.

        None begins where the filter does.
        """
        at = float(hour_of(wanted.since or 0.0) if begin is None else begin)
        until = float(_NEVER_S) if wanted.until is None else wanted.until
        width = DAY_S
        while at < until:
            end = min(at + width, until)
            if hours := await self._between(at, end):
                return sorted(hours)
            at, width = end, width * _WIDER
        return []

    async def newest(self, wanted: Filter, end: int | None) -> list[int]:
        """Return some hours with calls, the newest first, all of them before `end`.

        None begins where the filter ends; without an end with all since the clock's hour, which
        decides what is asked first, and never what is found.
        """
        since = float(hour_of(wanted.since or 0.0))
        until = min(_NEVER_S if each is None else float(each) for each in (wanted.until, end))
        width = DAY_S
        # Spans meet where hours begin: an hour in two of them would be found in neither.
        begin = float(hour_of(self._clock.now()))
        if until < _NEVER_S:
            begin = hour_of(until) - width
        while until > since:
            begin = max(begin, since)
            if hours := await self._between(begin, until):
                return sorted(hours, reverse=True)
            until, begin, width = begin, begin - width, width * _WIDER
        return []

    async def _between(self, begin: float, end: float) -> set[int]:
        """Return the hours with calls that begin in a span."""
        hours: set[int] = set()
        async for items in self._shelf.pages(
            "SELECT c.hours FROM c WHERE c.kind = 'sums' AND c.last >= @begin AND c.first < @end",
            {"@begin": int(begin), "@end": math.ceil(end)},
        ):
            hours.update(hour * HOUR_S for item in items for hour in item["hours"])
        return {hour for hour in hours if begin <= hour < end}
