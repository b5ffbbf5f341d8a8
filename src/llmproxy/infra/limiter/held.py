"""What a limiter remembers of a call in flight."""

from llmproxy.application.interfaces.limiter import Reservation, Scope
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Amounts


class Held:
    """What is held for a reservation, exactly as it was held, and where.

    `scopes` are the counters of `reservation.scopes`, `lane` those of the deployment that is asked
    now, if it has limits; the seconds are those at which their windows count the call.
    """

    __slots__ = ("amounts", "lane", "lane_second", "reservation", "scopes", "second")

    def __init__(
        self, reservation: Reservation, scopes: list[ScopeCounters], amounts: Amounts, second: int
    ) -> None:
        self.reservation = reservation
        self.scopes = scopes
        self.amounts = amounts
        self.second = second
        self.lane: ScopeCounters | None = None
        self.lane_second = second

    def all(self) -> list[ScopeCounters]:
        """Return the counters in which something is held."""
        return self.scopes if self.lane is None else [*self.scopes, self.lane]

    def scope_of(self, counters: ScopeCounters) -> Scope:
        """Return whose counters these are."""
        reservation = self.reservation
        for scope, own in zip(reservation.scopes, self.scopes, strict=True):
            if own is counters:
                return scope
        lane = reservation.lanes[reservation.lane]
        if lane is None:
            raise LookupError
        return lane
