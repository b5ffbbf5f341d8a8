"""Deployments in turn, or the least busy one first; and several priorities after one another."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter, mul
from typing import NamedTuple, Protocol, TypeVar

from llmproxy.application.routing.plan import Ordered, Plan
from llmproxy.application.routing.ranking import Seats
from llmproxy.application.routing.rotation import orders
from llmproxy.application.routing.ward import Ward

Made = TypeVar("Made")
Places = tuple[int, ...]
"""Deployments in the order of a turn, by their places in the order of registration."""


class Turn(NamedTuple):
    """The deployments in the order of a turn. `desk` is the place of the first in its ward."""

    ordered: Ordered
    places: Places
    desk: int


class Ranked(Protocol):
    """Puts the deployments of one priority, all of them well, into the order of the next call."""

    def order(self, *, counted: bool) -> Ordered:
        """Return the order. `counted`: a call is made now, it is not only asked about."""


def in_turn(groups: Sequence[Seats]) -> Iterator[Ordered]:
    """Yield turn after turn of deployments by their priorities: each has turns of its own."""
    taken = [_turns(seats, partial(_ordered, seats)) for seats in groups]
    return taken[0] if len(taken) == 1 else map(_all, *taken)


def _turns(seats: Seats, made: Callable[[Places], Made]) -> Iterator[Made]:
    return orders(range(len(seats)), [seat.weight for seat in seats], made)


def _ordered(seats: Seats, places: Places) -> Ordered:
    plan = tuple([seats[place].deployment for place in places])
    return Ordered(plan, len(plan))


def _turn(seats: Seats, places: Places) -> Turn:
    return Turn(_ordered(seats, places), places, seats[places[0]].health.place)


def _all(*orders: Ordered) -> Ordered:
    return joined([each.plan for each in orders])


class LeastOutstanding:
    """The one with the fewest calls under way for its weight comes first, of equals one in turn.

    The others follow as in a turn that begins with it: the last one that did.
    """

    __slots__ = ("_last", "_next", "_outstanding", "_picked", "_shares", "_turns")

    def __init__(self, seats: Seats, ward: Ward) -> None:
        places = range(len(seats))
        self._turns = _turns(seats, partial(_turn, seats))
        self._next = next(self._turns)
        self._last = [_turn(seats, (at, *places[:at], *places[at + 1 :])) for at in places]
        self._outstanding = ward.outstanding
        self._picked = picking(seats)
        weights = [seat.weight for seat in seats]
        self._shares = [1 / weight for weight in weights] if len(set(weights)) > 1 else None

    def order(self, *, counted: bool) -> Ordered:
        """See the protocol."""
        turn = self._next
        if counted:
            self._next = next(self._turns)
        if not self._outstanding[turn.desk]:
            return turn.ordered  # Nobody has fewer.
        places = turn.places
        self._last[places[0]] = turn
        loads: Sequence[float] = self._picked(self._outstanding)
        if self._shares is not None:
            loads = list(map(mul, loads, self._shares))
        least = min(loads)
        for place in places:
            if loads[place] == least:
                break
        return self._last[place].ordered


def picking(seats: Seats) -> Callable[[Sequence[float]], Sequence[float]]:
    """Return what takes out of a column of the ward what is of these deployments."""
    desks = [seat.health.place for seat in seats]
    if len(desks) > 1:
        return itemgetter(*desks)
    desk = desks[0]
    return lambda column: (column[desk],)


class OneAfterOther:
    """Deployments of several priorities: those of the first before all others."""

    __slots__ = ("_groups",)

    def __init__(self, groups: Sequence[Ranked]) -> None:
        self._groups = groups

    def order(self, *, counted: bool) -> Ordered:
        """See the protocol."""
        return joined([group.order(counted=counted).plan for group in self._groups])


def joined(plans: Sequence[Plan]) -> Ordered:
    """Return the order in which one plan comes after the other."""
    plan = plans[0] if len(plans) == 1 else tuple([each for plan in plans for each in plan])
    return Ordered(plan, len(plan))
