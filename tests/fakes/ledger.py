"""Journal, limiter and meter that keep what they were given."""

from typing_extensions import override

from llmproxy.application.interfaces.journal import Closed, Journal, Opened
from llmproxy.application.interfaces.limiter import (
    NO_LANE,
    Limit,
    Limiter,
    Reservation,
    Standing,
    Used,
)
from llmproxy.application.interfaces.meter import Meter
from llmproxy.domain.errors import GatewayError, RateLimited, Unavailable
from llmproxy.domain.limit import Quota


class FakeJournal(Journal):
    """Lists of what was recorded; `full` makes it refuse admissions."""

    def __init__(self) -> None:
        self.openings: list[Opened] = []
        self.settlements: list[Closed] = []
        self.full = False

    @override
    def opened(self, entry: Opened) -> None:
        if self.full:
            raise Unavailable("The gateway cannot record calls now.", code="ledger_unavailable")
        self.openings.append(entry)

    @override
    def closed(self, entry: Closed) -> None:
        self.settlements.append(entry)

    @property
    def last(self) -> Closed:
        """The only settlement."""
        [settlement] = self.settlements
        return settlement


class FakeLimiter(Limiter):
    """What is held now and what was used; `refusal` is raised instead of reserving.

    `refuses` says it by model, `refuses_after` how many are let through. `full` are lanes without
    room.
    """

    def __init__(self) -> None:
        self.held: list[Reservation] = []
        self.used: list[tuple[int, int]] = []
        self.requests: list[int] = []
        self.moves: list[int] = []
        self.full: set[int] = set()
        self.quota: Quota | None = None
        self.refusal: GatewayError | None = None
        self.refuses: dict[str, GatewayError] = {}
        self.refuses_after: int | None = None
        self.reserved = 0
        self.limits: tuple[Limit, ...] = ()

    @override
    async def reserve(self, reservation: Reservation) -> None:
        reservation.quota = self.quota
        refusal = self.refuses.get(reservation.model, self.refusal)
        if refusal is None and self.reserved == self.refuses_after:
            refusal = RateLimited("full", retry_after_s=1.0)
        free = [lane for lane in range(len(reservation.lanes)) if lane not in self.full]
        if reservation.lanes and not free:
            refusal = refusal or _no_room()
        if refusal is not None:
            raise refusal
        self.reserved += 1
        if reservation.lanes:
            reservation.lane = free[0]
        self.held.append(reservation)

    @override
    async def move(self, reservation: Reservation, lane: int) -> None:
        self.moves.append(lane)
        if lane in self.full:
            reservation.lane = NO_LANE
            raise _no_room()
        reservation.lane = lane

    @override
    async def standing(self, reservation: Reservation) -> Standing:
        return Standing(self.limits, self.refusal)

    @override
    def settle(self, reservation: Reservation, used: Used) -> None:
        [place] = [n for n, each in enumerate(self.held) if each is reservation]
        del self.held[place]
        self.used.append((used.cost_nano, used.tokens))
        self.requests.append(used.requests)


def _no_room() -> RateLimited:
    error = RateLimited("The deployment is full.", retry_after_s=1.0)
    error.limit = ("deployment", "requests_per_minute")
    return error


class FakeMeter(Meter):
    """Lists of what was counted."""

    def __init__(self) -> None:
        self.counted: list[Closed] = []
        self.refusals: list[tuple[str, str]] = []

    @override
    def settled(self, entry: Closed) -> None:
        self.counted.append(entry)

    @override
    def refused(self, scope: str, limit: str) -> None:
        self.refusals.append((scope, limit))
