"""Reservations of one worker, in memory."""

from collections import defaultdict

from typing_extensions import override

from llmproxy.application.interfaces.limiter import Limit, Limiter, Reservation, Standing
from llmproxy.domain.errors import Unavailable


class Tally:
    """What is held and was spent, in nano-units and tokens."""

    __slots__ = ("in_flight", "reserved_nano", "reserved_tokens", "spent_nano", "spent_tokens")

    def __init__(self) -> None:
        self.in_flight = self.reserved_nano = self.reserved_tokens = 0
        self.spent_nano = self.spent_tokens = 0

    def add(self, other: "Tally") -> None:
        """Count another's in."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class MemoryLimiter(Limiter):
    """Admits at most `max_in_flight` calls at once; counts by key, project and model.

    A call changes one tally, that of its key, project and model together; a scope is summed up when
    somebody asks.
    """

    def __init__(self, *, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._tallies: defaultdict[tuple[str, str | None, str], Tally] = defaultdict(Tally)
        self.in_flight = 0

    def tally(self, kind: str, name: str | None) -> Tally:
        """Return what a scope holds and has spent now: `key`, `project` or `model`."""
        place = ("key", "project", "model").index(kind)
        total = Tally()
        for scopes, tally in self._tallies.items():
            if scopes[place] == name:
                total.add(tally)
        return total

    @override
    async def reserve(self, reservation: Reservation) -> None:
        if self.in_flight >= self._max_in_flight:
            raise _overloaded()
        self.in_flight += 1
        tally = self._tallies[reservation.key_id, reservation.project, reservation.model]
        tally.in_flight += 1
        tally.reserved_nano += reservation.cost_nano
        tally.reserved_tokens += reservation.tokens

    @override
    def standing(self, reservation: Reservation) -> Standing:
        limit = Limit(
            "worker",
            "requests in flight",
            self.in_flight,
            self._max_in_flight,
            "MAX_CONCURRENT_REQUESTS",
        )
        return Standing((limit,), _overloaded() if limit.used >= limit.most else None)

    @override
    def settle(self, reservation: Reservation, *, cost_nano: int, tokens: int) -> None:
        self.in_flight -= 1
        tally = self._tallies[reservation.key_id, reservation.project, reservation.model]
        tally.in_flight -= 1
        tally.reserved_nano -= reservation.cost_nano
        tally.reserved_tokens -= reservation.tokens
        tally.spent_nano += cost_nano
        tally.spent_tokens += tokens


def _overloaded() -> Unavailable:
    return Unavailable(
        "The gateway is serving as many requests as it may.",
        code="overloaded",
        retry_after_s=1.0,
    )
