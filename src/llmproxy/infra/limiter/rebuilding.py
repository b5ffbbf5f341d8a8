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
from llmproxy.domain.limit import MINUTE_STEP_S, Limits, Window
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import NEVER, Amounts, Counter
from llmproxy.infra.limiter.group import Group, Held
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
    most_groups: int = 4096
    """How many callers' counters are remembered side by side; beyond that all are found anew."""


BOUNDS: Final = Bounds()

_Place = tuple[ScopeKind, str]
"""A kind, and the scope's name."""
_Call = tuple[str, str | None, str, str | None]
"""Key, project, model and deployment of a call."""
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
        self._groups: dict[tuple[int, str], Group] = {}
        self._latest: dict[int, Group] = {}
        self._found_at: dict[_Call, tuple[ScopeCounters, ...]] = {}
        self.stepped = 0
        """The last step of 2 s that any counter has begun, by its first second."""

    def __len__(self) -> int:
        return len(self._scopes)

    def find(self, scope: Scope, second: int) -> ScopeCounters | None:
        """Return its counters as they are at this second; None when they must be `known` first."""
        counters = self._scopes.get(scope[:2])
        if counters is None:
            return None
        if counters.limits is not scope.limits and not self._adopt(counters, scope.limits):
            return None
        if second >= counters.edge:
            self._roll(counters, second)
        return counters

    def _adopt(self, counters: ScopeCounters, limits: Limits) -> bool:
        uncounted = counters.running.most == NEVER
        adopted = counters.adopt(limits)
        if uncounted and counters.running.most < NEVER:
            # They are counted only while they are limited: each call would pay for it.
            counters.running.taken = sum(counters in all_of(held) for held in self._live.values())
        return adopted

    def _roll(self, counters: ScopeCounters, second: int) -> None:
        counters.roll(second)
        self.stepped = max(self.stepped, second - second % MINUTE_STEP_S)

    def group(self, scopes: tuple[Scope, ...], currency: str, second: int) -> Group | None:
        """Return the counters of all these scopes as they are at this second.

        None when some must be `known` first. What was found for a tuple is remembered by its
        identity: a caller brings the same one again.
        """
        group = self._latest.get(id(scopes))
        if group is not None and second < group.edge and group.currency == currency:
            return group
        return self._group(scopes, scopes, currency, second)

    def lane(self, scope: Scope, currency: str, second: int) -> Group | None:
        """Return the counters of a deployment as `group` does."""
        group = self._latest.get(id(scope))
        if group is not None and second < group.edge and group.currency == currency:
            return group
        return self._group(scope, (scope,), currency, second)

    def _group(
        self, owner: object, scopes: tuple[Scope, ...], currency: str, second: int
    ) -> Group | None:
        counters = []
        for scope in scopes:
            own = self.find(scope, second)
            if own is None:
                return None
            counters.append(own)
        group = self._groups.get((id(owner), currency))
        if group is None or group.counters != tuple(counters):
            if len(self._groups) >= self.bounds.most_groups:
                self._groups.clear()
                self._latest.clear()
            group = Group(owner, scopes, tuple(counters), currency)
            self._groups[id(owner), currency] = group
        elif not group.edge:
            group.lay_out()
        group.read_until_changed()
        self._latest[id(owner)] = group
        return group

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
            self._roll(counters, int(now))
            self._adopt(counters, scope.limits)
        self._forget_idle()

    def _begin(self, scope: Scope, second: int) -> tuple[ScopeCounters, list[Counter]]:
        counters = self._scopes.get(scope[:2])
        if counters is None:
            counters = self._scopes[scope[:2]] = ScopeCounters(scope.limits)
            self._found_at.clear()
        return counters, counters.extend(scope.limits, second)

    def _hold_again(self, begun: _Begun) -> None:
        """Hold in counters that are new what their scope holds already."""
        new = {id(counters): (counters, added) for counters, added in begun.values() if added}
        for reservation, group, amounts, second, lane, lane_second in self._live.values():
            all_amounts = (1, *amounts)
            for counters in group.counters:
                if id(counters) in new:
                    _hold(*new[id(counters)], reservation.currency, all_amounts, second)
            for counters in () if lane is None else lane.counters:
                if id(counters) in new:
                    _hold(*new[id(counters)], reservation.currency, all_amounts, lane_second)

    def count_others(
        self, reservation: Reservation, own: tuple[ScopeCounters, ...], used: Used
    ) -> None:
        """Count a call in scopes other than its `own`: nothing was held in them.

        They had no limits when the call was admitted, and have some now or had some before:
        limits come and go, and counters go on.
        """
        call = (
            reservation.key_id,
            reservation.project,
            reservation.model,
            reservation.deployment,
        )
        found = self._found_at.get(call)
        if found is None:
            found = self._find_at(call, reservation)
        if found != own:
            self._count_in([each for each in found if each not in own], reservation, used)

    def _find_at(self, call: "_Call", reservation: Reservation) -> tuple[ScopeCounters, ...]:
        known = [self._scopes.get(place) for place in places_of(reservation)]
        found = tuple([each for each in known if each is not None])
        if len(self._found_at) >= self.bounds.most_groups:
            self._found_at.clear()
        self._found_at[call] = found
        return found

    def _count_in(self, others: list[ScopeCounters], reservation: Reservation, used: Used) -> None:
        now = int(self._now())
        amounts = (used.requests, used.tokens, used.cost_nano)
        for counters in others:
            if now >= counters.edge:
                self._roll(counters, now)
            counters.count(int(reservation.at), amounts, reservation.currency)

    def _forget_idle(self) -> None:
        if self._past is None or len(self._scopes) <= self.bounds.most_scopes:
            return
        busy = {id(counters) for held in self._live.values() for counters in all_of(held)}
        idle = [place for place, counters in self._scopes.items() if id(counters) not in busy]
        for place in idle[: len(self._scopes) - self.bounds.kept_scopes]:
            self._scopes.pop(place).changed()
        self._found_at.clear()


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


def _hold(
    counters: ScopeCounters, new: Iterable[Counter], currency: str, amounts: Amounts, second: int
) -> None:
    same_money = currency == counters.currency
    amounts = (amounts[0], amounts[1], amounts[2] if same_money else 0)
    for counter in new:
        counter.hold(second, amounts[counter.place])


def all_of(held: Held) -> tuple[ScopeCounters, ...]:
    """Return the counters in which something is held."""
    _, group, _, _, lane, _ = held
    return group.counters if lane is None else group.counters + lane.counters
