"""The order of the calls for one set of deployments."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.routing.affinity import CACHE_KEY, draws, key_of
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
    known_until,
    ranked,
    unknown_first,
)
from llmproxy.application.routing.rotation import orders
from llmproxy.application.routing.ward import Ward
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


class Rota:
    """`seats` are in order of registration, their healths of this ward.

    `used` is for who keeps rotas: it tells idle ones. A turn is ready before it is taken, so
    that it can be looked at.
    """

    __slots__ = (
        "_behind",
        "_by_beginning",
        "_by_key",
        "_first",
        "_known_until",
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

    def __init__(self, seats: Seats, routing: Routing, ward: Ward) -> None:
        self.seats = seats
        self.routing = routing
        self.used = True
        self.watched = tuple([(1 << place, seat.health) for place, seat in enumerate(seats)])
        """Each deployment's health, with its bit in the number of a part."""
        several = len(seats) > 1
        self._by_key = several and routing.affinity is not Affinity.OFF
        self._by_beginning = several and routing.affinity is Affinity.PREFIX
        self._ranking = RANKINGS.get(routing.strategy) if several else None
        groups = groups_of(seats, routing.strategy)
        self._first, *self._behind = [group_of(each, ward) for each in groups]
        self._known_until = 0.0
        self._until_unknown = 0
        self._never_asked = len(groups[0])
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
        return Rota(tuple(seats), self.routing, self._first.ward)

    def order(self, call: Call, *, counted: bool = True) -> Ordered:
        """Return the order of this call. `counted`: it is made now, not only asked about."""
        if self._by_beginning or (self._by_key and call.body.value(CACHE_KEY) is not None):
            key = key_of(call, self.routing.affinity)
            if key is not None:
                return self._drawn(key)
        turn = self._next
        if counted:
            self._next = next(self._turns)
        ranking = self._ranking
        if ranking is None:
            return turn.ordered
        first, places = self._first, turn.places[0]
        if ranking is by_outstanding:
            marks = by_outstanding(first)
        else:
            marks = self._by_latency(places, counted=counted)
        if self._behind:
            return self._ranked(turn, marks, ranking)
        if not any(marks):
            return turn.ordered
        plan = ranked(first.plan, marks, places)
        return Ordered(plan, len(plan))

    def _drawn(self, key: int) -> Ordered:
        """Return the order of the calls that have this in common."""
        return _joined(
            [
                ranked(group.plan, draws(key, group.seeds, group.weights), range(len(group.plan)))
                for group in (self._first, *self._behind)
            ]
        )

    def _ranked(self, turn: _Turn, marks: list[float], ranking: Ranking) -> Ordered:
        """Order all groups, the first by its marks."""
        plans = [ranked(self._first.plan, marks, turn.places[0])]
        for group, places in zip(self._behind, turn.places[1:], strict=True):
            plans.append(ranked(group.plan, ranking(group), places))
        return _joined(plans)

    def _by_latency(self, places: Places, *, counted: bool) -> list[float]:
        """Mark those that are asked first; one whose latency is not known before all, if due."""
        group = self._first
        now = group.ward.clock.monotonic()
        if now < self._known_until:
            marks = by_known_latency(group)
        else:
            marks = by_latency(group)
            self._known_until = known_until(group)
            if not self._until_unknown:
                unknown_first(marks, group, places)
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
