"""The order of the calls for one set of deployments."""

from collections.abc import Callable
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.routing.affinity import CACHE_KEY, key_of
from llmproxy.application.routing.lowest_latency import LowestLatency
from llmproxy.application.routing.plan import Ordered
from llmproxy.application.routing.ranking import Seats, drawn, group_of, groups_of
from llmproxy.application.routing.turns import (
    LeastOutstanding,
    OneAfterOther,
    Ranked,
    in_turn,
    joined,
)
from llmproxy.application.routing.ward import Ward
from llmproxy.domain.routing import Affinity, Routing, Strategy

MAX_PARTS: Final = 64
_RANKINGS: Final[dict[Strategy, Callable[[Seats, Ward], Ranked]]] = {
    Strategy.LEAST_OUTSTANDING: LeastOutstanding,
    Strategy.LOWEST_LATENCY: LowestLatency,
}


class Rota:
    """`seats` are in order of registration, their healths of this ward.

    `used` is for who keeps rotas: it tells idle ones. A turn is ready before it is taken, so
    that it can be looked at.
    """

    __slots__ = (
        "_by_beginning",
        "_by_key",
        "_groups",
        "_next",
        "_parts",
        "_ranked",
        "_turns",
        "_ward",
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
        self._ward = ward
        self._by_key = several and routing.affinity is not Affinity.OFF
        self._by_beginning = several and routing.affinity is Affinity.PREFIX
        groups = groups_of(seats, routing.strategy)
        self._groups = [group_of(each) for each in groups]
        self._ranked = _ranked(groups, routing.strategy, ward) if several else None
        self._turns = in_turn(groups)
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
        return Rota(tuple(seats), self.routing, self._ward)

    def order(self, call: Call, *, counted: bool = True) -> Ordered:
        """Return the order of this call. `counted`: it is made now, not only asked about."""
        if self._by_beginning or (self._by_key and CACHE_KEY in call.body.fields):
            key = key_of(call, self.routing.affinity)
            if key is not None:
                return joined([drawn(group, key) for group in self._groups])
        if self._ranked is not None:
            return self._ranked.order(counted=counted)
        ordered = self._next
        if counted:
            self._next = next(self._turns)
        return ordered


def _ranked(groups: list[Seats], strategy: Strategy, ward: Ward) -> Ranked | None:
    """Return what looks at how deployments are doing, for strategies that are no turns."""
    ranking = _RANKINGS.get(strategy)
    if ranking is None:
        return None
    made = [ranking(each, ward) for each in groups]
    return made[0] if len(made) == 1 else OneAfterOther(made)
