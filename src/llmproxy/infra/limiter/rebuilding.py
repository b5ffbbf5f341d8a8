"""The counters of scopes, rebuilt from what the ledger and the journal say when they are not there.

A scope that nobody asks for and that holds nothing may be forgotten: it is rebuilt when it is asked
for again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from llmproxy.application.interfaces.limiter import (
    History,
    Past,
    Reservation,
    Scope,
    ScopeHistory,
    ScopeKind,
    ScopeName,
    Told,
    Used,
)
from llmproxy.domain.limit import Window
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Amounts, Counter
from llmproxy.infra.limiter.held import Held
from llmproxy.infra.limiter.past import history_within, places_of


class Bounds(NamedTuple):
    """How much is kept and waited for."""

    most_scopes: int = 100_000
    """Beyond them idle ones are forgotten until `kept_scopes` are left."""
    kept_scopes: int = 90_000
    patience_s: float = 10.0
    """How long the ledger may take to tell the past of some scopes."""
    tries: int = 5
    """How often a call that waits for counters finds others missing before it is sent away."""


BOUNDS: Final = Bounds()

_Place = tuple[ScopeKind, str]
"""A kind, and the scope's name."""
_Begun = dict[_Place, tuple[ScopeCounters, list[Counter]]]


class Rebuilding:
    """Finds the counters of scopes.

    `live` are all that is held now.
    """

    def __init__(
        self,
        past: Past | None,
        now: Callable[[], float],
        live: Mapping[int, Held],
        bounds: Bounds,
    ) -> None:
        self.bounds = bounds
        self._past = past
        self._now = now
        self._live = live
        self._scopes: dict[_Place, ScopeCounters] = {}
        self._loads: dict[_Place, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def find(self, scope: Scope, second: int) -> ScopeCounters | None:
        """Return its counters as they are at this second; None when they must be `known` first."""
        counters = self._scopes.get(scope[:2])
        if counters is None:
            return None
        if counters.limits is not scope.limits and not counters.adopt(scope.limits):
            return None
        if second >= counters.edge:
            counters.roll(second)
        return counters

    async def known(self, scopes: Iterable[Scope]) -> None:
        """Rebuild those that are not known; who asks for the same ones waits together.

        Raises Unavailable; the next to ask tries again.
        """
        second = int(self._now())
        missing = [scope for scope in scopes if self.find(scope, second) is None]
        if not missing:
            return
        fresh = [scope for scope in missing if scope[:2] not in self._loads]
        if fresh:
            task = asyncio.get_running_loop().create_task(self._load(fresh))
            for scope in fresh:
                self._loads[scope[:2]] = task
            task.add_done_callback(self._loaded)
        for task in {self._loads[scope[:2]] for scope in missing}:
            await asyncio.shield(task)

    def _loaded(self, task: asyncio.Task[None]) -> None:
        for place in [place for place, each in self._loads.items() if each is task]:
            del self._loads[place]
        if not task.cancelled():
            task.exception()  # Who waits is told; if nobody does any more, it is seen here.

    async def _load(self, scopes: Sequence[Scope]) -> None:
        asked_at = self._now()
        history = History({}, {})
        lines: list[Told] = []
        if self._past is not None:
            history = await history_within(self.bounds.patience_s, self._past, scopes, asked_at)
            # From here on nothing waits: no call is settled between the journal and the counters.
            stretches = self._past.since(history.positions)
            lines = [line for stretch in stretches for line in stretch.lines]
        begun: _Begun = {scope[:2]: self._begin(scope, int(asked_at)) for scope in scopes}
        for place, (_, new) in begun.items():
            told = history.scopes.get(ScopeName(*place))
            if told is not None:
                _fill(new, told, int(asked_at))
        for line in lines:
            _count_line(begun, line)
        self._hold_again(begun)
        now = self._now()
        for scope in scopes:
            counters = self._scopes[scope[:2]]
            counters.roll(int(now))
            counters.adopt(scope.limits)
        self._forget_idle()

    def _begin(self, scope: Scope, second: int) -> tuple[ScopeCounters, list[Counter]]:
        counters = self._scopes.get(scope[:2])
        if counters is None:
            counters = self._scopes[scope[:2]] = ScopeCounters(scope.limits)
        return counters, counters.extend(scope.limits, second)

    def _hold_again(self, begun: _Begun) -> None:
        """Hold in counters that are new what their scope holds already."""
        new = {id(counters): (counters, added) for counters, added in begun.values() if added}
        for held in self._live.values():
            for counters in held.scopes:
                if id(counters) in new:
                    _hold(*new[id(counters)], held, held.second)
            if held.lane is not None and id(held.lane) in new:
                _hold(*new[id(held.lane)], held, held.lane_second)

    def count_others(self, reservation: Reservation, held: Held | None, used: Amounts) -> None:
        """Count a call in scopes that its reservation did not name: nothing was held in them.

        They had no limits when the call was admitted, and have some now or had some before:
        limits come and go, and counters go on.
        """
        own = () if held is None else held.all()
        for place in places_of(reservation):
            counters = self._scopes.get(place)
            if counters is None or counters in own:
                continue
            now = int(self._now())
            if now >= counters.edge:
                counters.roll(now)
            counters.count(int(reservation.at), used, reservation.currency)

    def _forget_idle(self) -> None:
        if self._past is None or len(self._scopes) <= self.bounds.most_scopes:
            return
        idle = [place for place, counters in self._scopes.items() if not counters.in_flight]
        for place in idle[: len(self._scopes) - self.bounds.kept_scopes]:
            del self._scopes[place]


def _fill(counters: Iterable[Counter], told: ScopeHistory, second: int) -> None:
    for counter in counters:
        if counter.window is Window.TOTAL:
            counter.count(second, _amount(counter, told.total))
        elif counter.window is Window.MONTH:
            counter.count(second, _amount(counter, told.month))
        else:
            for step in told.minutes if counter.window is Window.MINUTE else told.days:
                counter.count(step.at, _amount(counter, step.used))


def _amount(counter: Counter, used: Used) -> int:
    return (used.requests, used.tokens, used.cost_nano)[counter.place]


def _count_line(begun: _Begun, line: Told) -> None:
    used = line.used
    for place in places_of(line):
        if place in begun:
            counters, new = begun[place]
            cost_nano = used.cost_nano if line.currency == counters.currency else 0
            amounts = (used.requests, used.tokens, cost_nano)
            for counter in new:
                counter.count(int(line.at), amounts[counter.place])


def _hold(counters: ScopeCounters, new: Iterable[Counter], held: Held, second: int) -> None:
    same_money = held.reservation.currency == counters.currency
    amounts = (held.amounts[0], held.amounts[1], held.amounts[2] if same_money else 0)
    for counter in new:
        counter.hold(second, amounts[counter.place])
