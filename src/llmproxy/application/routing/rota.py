"""The order of the calls for one set of deployments."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.routing.affinity import draws, key_of
from llmproxy.application.routing.plan import Ordered, Plan
from llmproxy.application.routing.ranking import (
    RANKINGS,
    Places,
    Ranking,
    Seats,
    by_known_latency,
    by_latency,
    by_outstanding,
    group_of,
    groups_of,
    idle,
    known_until,
    ranked,
    unknown_first,
)
from llmproxy.application.routing.rotation import orders
from llmproxy.domain.routing import Affinity, Routing

UNKNOWN_EVERY: Final = 20
"""With `lowest_latency`, one of so many calls goes to a deployment whose latency is not known.

The first calls do so one after another, until each deployment was asked once: nothing speaks
against any of them yet."""
MAX_PARTS: Final = 64


class _Turn(NamedTuple):
    """The deployments in the order of a turn, and their places so, priority by priority."""

    ordered: Ordered
    places: tuple[Places, ...]


class _Lot(NamedTuple):
    """The deployments of one priority, by columns; without weights where they are all the same."""

    plan: Plan
    seeds: tuple[int, ...]
    weights: tuple[float, ...] | None


class Rota:
    """`seats` are in order of registration. `used` is for who keeps rotas: it tells idle ones.

    A turn is ready before it is taken, so that it can be looked at.
    """

    __slots__ = (
        "_affinity",
        "_clock",
        "_groups",
        "_known_until",
        "_lots",
        "_never_asked",
        "_next",
        "_parts",
        "_ranking",
        "_turns",
        "_until_unknown",
        "routing",
        "seats",
        "used",
        "watched",
    )

    def __init__(self, seats: Seats, routing: Routing, clock: Clock) -> None:
        self.seats = seats
        self.routing = routing
        self.used = True
        self.watched = tuple([(1 << place, seat.health) for place, seat in enumerate(seats)])
        """Each deployment's health, with its bit in the number of a part."""
        self._affinity = routing.affinity if len(seats) > 1 else Affinity.OFF
        self._ranking = RANKINGS.get(routing.strategy) if len(seats) > 1 else None
        self._clock = clock
        groups = groups_of(seats, routing.strategy)
        self._groups = [group_of(each) for each in groups]
        self._known_until = 0.0
        self._until_unknown = 0
        self._never_asked = len(groups[0])
        self._lots = [_lot(group) for group in groups]
        self._turns = _turns(groups)
        self._next = next(self._turns)
        self._parts: dict[int, tuple[Rota, Rota]] = {}

    def parted(self, bits: int) -> "tuple[Rota, Rota]":
        """Return the rotas of those without these bits, and of those with them; both have some."""
        parts = self._parts.get(bits)
        if parts is None:
            if len(self._parts) >= MAX_PARTS:
                self._parts.clear()
            parts = self._parts[bits] = (self._part(~bits), self._part(bits))
        return parts

    def _part(self, bits: int) -> "Rota":
        seats = [seat for place, seat in enumerate(self.seats) if bits >> place & 1]
        return Rota(tuple(seats), self.routing, self._clock)

    def order(self, call: Call, *, counted: bool = True) -> Ordered:
        """Return the order of this call. `counted`: it is made now, not only asked about."""
        affinity = self._affinity
        if affinity is not Affinity.OFF:
            key = key_of(call, affinity)
            if key is not None:
                return self._drawn(key)
        turn = self._next
        if counted:
            self._next = next(self._turns)
        ranking = self._ranking
        if ranking is None or (ranking is by_outstanding and all(map(idle, self._groups))):
            return turn.ordered
        return self._ranked(turn, ranking, counted=counted)

    def _drawn(self, key: int) -> Ordered:
        """Return the order of the calls that have this in common."""
        return _joined(
            [
                ranked(plan, draws(key, seeds, weights), range(len(plan)))
                for plan, seeds, weights in self._lots
            ]
        )

    def _ranked(self, turn: _Turn, ranking: Ranking, *, counted: bool) -> Ordered:
        now = self._clock.monotonic()
        groups, places = self._groups, turn.places
        first = groups[0]
        if ranking is by_latency:
            marks = self._by_latency(places[0], now, counted=counted)
        else:
            marks = ranking(first, now)
        plan = ranked(first.plan, marks, places[0])
        if len(groups) > 1:
            for group, at in zip(groups[1:], places[1:], strict=True):
                plan += ranked(group.plan, ranking(group, now), at)
        return Ordered(plan, len(plan))

    def _by_latency(self, places: Places, now: float, *, counted: bool) -> list[float]:
        """Mark those that are asked first; one whose latency is not known before all, if due."""
        group = self._groups[0]
        if now < self._known_until:
            marks = by_known_latency(group)
        else:
            marks = by_latency(group, now)
            self._known_until = known_until(group)
            if not self._until_unknown:
                unknown_first(marks, group, places, now)
        if counted:
            self._count()
        return marks

    def _count(self) -> None:
        """Count a call, towards the next one that goes to a deployment that is not known."""
        if self._until_unknown:
            self._until_unknown -= 1
            return
        self._never_asked -= 1
        self._until_unknown = 0 if self._never_asked > 0 else UNKNOWN_EVERY - 1


def _lot(group: Seats) -> _Lot:
    weights = tuple([seat.weight for seat in group])
    even = len(set(weights)) == 1
    plan: Plan = tuple([seat.deployment for seat in group])
    return _Lot(plan, tuple([seat.seed for seat in group]), None if even else weights)


def _joined(plans: Sequence[Plan]) -> Ordered:
    plan = plans[0] if len(plans) == 1 else tuple([each for plan in plans for each in plan])
    return Ordered(plan, len(plan))


def _turns(groups: Sequence[Seats]) -> Iterator[_Turn]:
    """Yield turn after turn. Each group has turns of its own; its orders are kept as they are."""
    wheels = [
        orders(range(len(seats)), [seat.weight for seat in seats], partial(_turn, seats))
        for seats in groups
    ]
    return wheels[0] if len(wheels) == 1 else map(_all_turns, *wheels)


def _turn(seats: Seats, places: Places) -> _Turn:
    return _Turn(_joined([tuple([seats[place].deployment for place in places])]), (places,))


def _all_turns(*turns: _Turn) -> _Turn:
    ordered = _joined([turn.ordered.plan for turn in turns])
    return _Turn(ordered, tuple([turn.places[0] for turn in turns]))
