"""Reservations of one worker, in memory."""

from collections import defaultdict

from typing_extensions import override

from llmproxy.application.interfaces.limiter import Limiter, Reservation
from llmproxy.domain.errors import Unavailable


class Tally:
    """What one scope holds and has spent, in nano-units and tokens."""

    __slots__ = ("in_flight", "reserved_nano", "reserved_tokens", "spent_nano", "spent_tokens")

    def __init__(self) -> None:
        self.in_flight = self.reserved_nano = self.reserved_tokens = 0
        self.spent_nano = self.spent_tokens = 0


class MemoryLimiter(Limiter):
    """Admits at most `max_in_flight` calls at once; keeps a tally per key, project and model."""

    def __init__(self, *, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._tallies: defaultdict[tuple[str, str | None], Tally] = defaultdict(Tally)
        self._together: dict[tuple[str, str | None, str], tuple[Tally, Tally, Tally]] = {}
        self.in_flight = 0

    def _of(self, reservation: Reservation) -> tuple[Tally, Tally, Tally]:
        scopes = (reservation.key_id, reservation.project, reservation.model)
        found = self._together.get(scopes)
        if found is None:
            key, project, model = scopes
            found = (
                self.tally("key", key),
                self.tally("project", project),
                self.tally("model", model),
            )
            self._together[scopes] = found
        return found

    def tally(self, kind: str, name: str | None) -> Tally:
        """Return the tally of a scope: `key`, `project` or `model`."""
        return self._tallies[kind, name]

    @override
    async def reserve(self, reservation: Reservation) -> None:
        if self.in_flight >= self._max_in_flight:
            raise Unavailable(
                "The gateway is serving as many requests as it may.",
                code="overloaded",
                retry_after_s=1.0,
            )
        self.in_flight += 1
        for tally in self._of(reservation):
            tally.in_flight += 1
            tally.reserved_nano += reservation.cost_nano
            tally.reserved_tokens += reservation.tokens

    @override
    def settle(self, reservation: Reservation, *, cost_nano: int, tokens: int) -> None:
        self.in_flight -= 1
        for tally in self._of(reservation):
            tally.in_flight -= 1
            tally.reserved_nano -= reservation.cost_nano
            tally.reserved_tokens -= reservation.tokens
            tally.spent_nano += cost_nano
            tally.spent_tokens += tokens
