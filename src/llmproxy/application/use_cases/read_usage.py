"""What the calls of a time used: sums by group with their totals, and single calls.

For administrators all of it, for a caller its own.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Limit, Limiter, Reservation
from llmproxy.application.interfaces.usage_ledger import (
    Dimension,
    Filter,
    RowPage,
    Sum,
    UsageLedger,
)
from llmproxy.application.interfaces.usage_reading import Report, UsageReading
from llmproxy.application.registry import Registry, scopes_of
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import DAY_S, month_of

MAX_AT_ONCE: Final = 4
"""Any key may ask for its own use, and the ledger is there for more than that."""
PATIENCE_S: Final = 10.0
OF_THE_WORKER: Final = frozenset({"MAX_CONCURRENT_REQUESTS"})
"""A bound of the process, which is not the caller's and tells how busy others keep it."""


class ReadUsage(UsageReading):
    """Over the ledger itself."""

    def __init__(self, ledger: UsageLedger) -> None:
        self._ledger = ledger

    async def report(self, wanted: Filter, by: Sequence[Dimension]) -> Report:
        """Return the sums and their totals."""
        return await report_of(self._ledger, wanted, by)

    async def calls(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        """Return single calls."""
        return await self._ledger.rows(wanted, after, most, newest_first=newest_first)


async def report_of(ledger: UsageLedger, wanted: Filter, by: Sequence[Dimension]) -> Report:
    """Return the sums and their totals.

    With groups of tags the totals are asked for by themselves: a call stands under each of its
    tags, so that its groups add up to more than it used.
    """
    groups = await ledger.sums(wanted, by)
    if not by:
        return Report(groups, groups)
    if "tag" in by:
        return Report(groups, await ledger.sums(wanted, ()))
    return Report(groups, totals_of(groups))


def totals_of(sums: Iterable[Sum]) -> list[Sum]:
    """Add sums up, each currency by itself, in the order of their codes."""
    totals: dict[str, Sum] = {}
    for each in sums:
        before = totals.get(each.currency)
        after = each if before is None else _added(before, each)
        totals[each.currency] = after._replace(group=())
    return [totals[currency] for currency in sorted(totals)]


def _added(one: Sum, other: Sum) -> Sum:
    counts = (mine + theirs for mine, theirs in zip(one[2:], other[2:], strict=True))
    return Sum((), one.currency, *counts)


class Span(NamedTuple):
    """What a caller used since a time (unix seconds), by model."""

    since: float
    report: Report


class Own(NamedTuple):
    """What a caller sees of itself; `at` is when it was looked at. Days and months are of UTC.

    All it ever used is not there: any key may ask, and in Cosmos DB that would read every sum.
    """

    caller: Caller
    at: float
    day: Span
    month: Span
    limits: tuple[Limit, ...]


class OwnUsage:
    """A caller's own use, and what its limits leave; never the calls of anybody else.

    A key sees its own calls. Who calls without a key sees those that were counted for the project
    that it names, which opens nothing: whoever may call without a key may see all such calls.
    """

    def __init__(
        self,
        registry: Registry,
        ledger: UsageLedger,
        limiter: Limiter,
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._limiter = limiter
        self._clock = clock
        self._patience_s = patience_s
        self._seats = asyncio.Semaphore(MAX_AT_ONCE)

    async def __call__(self, caller: Caller) -> Own:
        """Return it. Raises Unavailable, also when too many ask at once."""
        try:
            async with asyncio.timeout(self._patience_s), self._seats:
                return await self._looked_up(caller)
        except TimeoutError as error:
            raise Unavailable("The ledger is too busy to be asked.", retry_after_s=5.0) from error

    async def _looked_up(self, caller: Caller) -> Own:
        at = self._clock.now()
        month, _ = month_of(at)
        return Own(
            caller,
            at,
            await self._span(caller, at - at % DAY_S),
            await self._span(caller, float(month)),
            await self._limits(caller),
        )

    async def _span(self, caller: Caller, since: float) -> Span:
        wanted = Filter(since=since, keys=frozenset({caller.key_id}))
        if not caller.anonymous:
            return Span(since, await report_of(self._ledger, wanted, ("model",)))
        sums = await self._ledger.sums(wanted, ("project", "model"))
        own = [each._replace(group=each.group[1:]) for each in sums if each.group[0] == caller.tag]
        return Span(since, Report(own, totals_of(own)))

    async def _limits(self, caller: Caller) -> tuple[Limit, ...]:
        scopes = dict.fromkeys(scopes_of(caller))
        for code, group in self._registry.visible(caller).items():
            if any(each.model.model_limits is not None for each in group):
                scopes |= dict.fromkeys(self._registry.scopes(caller, code))
        if not scopes:
            return ()
        # Nothing is asked for: no price, so that a budget's currency does not matter either.
        asked = Reservation(caller.key_id, caller.project, "", "", 0, 0, tuple(scopes))
        standing = await self._limiter.standing(asked)
        return tuple([each for each in standing.limits if each.setting not in OF_THE_WORKER])
