"""The limits of one worker, in memory."""

from collections.abc import Iterable, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import (
    Alerts,
    Limiter,
    Past,
    Reservation,
    Scope,
    Standing,
    Used,
)
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.scope_counters import ScopeCounters, quota_of
from llmproxy.domain.steady_time import SteadyTime
from llmproxy.domain.windows import NOTHING, Amounts
from llmproxy.infra.limiter.held import Held
from llmproxy.infra.limiter.rebuilding import BOUNDS, Bounds, Rebuilding
from llmproxy.infra.limiter.refusing import (
    Look,
    Seen,
    asked_of,
    overloaded,
    refusal_by,
    uncounted,
)
from llmproxy.infra.limiter.telling import Telling

PREPARED_AT_ONCE: Final = 500
UNKNOWN: Final = -1


class MemoryLimiter(Limiter):
    """Counts for one worker, and admits at most `max_in_flight` calls at once.

    Counters begin with what `past` tells, when a scope is asked for first; without a past they
    begin at nothing. A deployment's windows count an attempt at the time at which its lane is held,
    the others a call at the time of its admission. Crossings are told to `alerts`.
    """

    def __init__(
        self,
        clock: Clock,
        past: Past | None,
        alerts: Alerts | None,
        *,
        max_in_flight: int,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._now = SteadyTime(clock.now, clock.monotonic)
        self._max_in_flight = max_in_flight
        self._live: dict[int, Held] = {}
        self._rebuilding = Rebuilding(past, self._now, self._live, bounds)
        self._telling = Telling(alerts)
        self.in_flight = 0

    async def prepare(self, scopes: Iterable[Scope]) -> None:
        """Rebuild the counters of these scopes, so that no call waits. Raises Unavailable."""
        wanted = list(scopes)
        for begin in range(0, len(wanted), PREPARED_AT_ONCE):
            await self._rebuilding.known(wanted[begin : begin + PREPARED_AT_ONCE])

    @override
    async def reserve(self, reservation: Reservation) -> None:
        if self.in_flight >= self._max_in_flight:
            raise overloaded()
        self.in_flight += 1
        if not reservation.scopes and not reservation.lanes:
            if not reservation.at:
                reservation.at = self._now()
            return
        try:
            for _ in range(self._rebuilding.bounds.tries):
                missing = self._try(reservation)
                if not missing:
                    return
                await self._rebuilding.known(missing)
            raise uncounted()
        except BaseException:
            self.in_flight -= 1
            raise

    def _try(self, reservation: Reservation) -> Sequence[Scope]:
        """Hold it, or return scopes that must be known first. Raises the refusal."""
        now = reservation.at = self._now()
        second = int(now)
        asked = asked_of(reservation)
        currency = reservation.currency
        find = self._rebuilding.find
        found: list[ScopeCounters] = []
        full = False
        for scope in reservation.scopes:
            counters = find(scope, second)
            if counters is None:
                return _all_scopes(reservation)
            full = full or counters.is_full(asked, currency)
            found.append(counters)
        lane = 0
        if reservation.lanes:
            lane = self._lane_with_room(reservation, asked, second)
            if lane == UNKNOWN:
                return _all_scopes(reservation)
            full = full or lane >= len(reservation.lanes)
        if full:
            raise self._refusal(reservation, found, now)
        held = Held(reservation, found, asked, second)
        self._hold(held, lane)
        reservation.quota = quota_of(held.all(), now)
        return ()

    def _lane_with_room(self, reservation: Reservation, asked: Amounts, second: int) -> int:
        """Return the first, their number when there is none, UNKNOWN when one must be known."""
        for lane, scope in enumerate(reservation.lanes):
            if scope is None:
                return lane
            counters = self._rebuilding.find(scope, second)
            if counters is None:
                return UNKNOWN
            if not counters.is_full(asked, reservation.currency):
                return lane
        return len(reservation.lanes)

    def _hold(self, held: Held, lane: int) -> None:
        reservation = held.reservation
        self._live[id(reservation)] = held
        for counters in held.scopes:
            passed = counters.hold(held.second, held.amounts, reservation.currency)
            if passed is not None:
                self._telling.tell(held.scope_of(counters), counters, passed)
        if reservation.lanes:
            self._hold_lane(held, lane, held.second)

    def _hold_lane(self, held: Held, lane: int, second: int) -> None:
        reservation = held.reservation
        reservation.lane = lane
        scope = reservation.lanes[lane]
        if scope is None:
            return
        counters = self._rebuilding.find(scope, second)
        if counters is None:
            raise uncounted()
        held.lane = counters
        held.lane_second = second
        passed = counters.hold(second, held.amounts, reservation.currency)
        if passed is not None:
            self._telling.tell(scope, counters, passed)

    def _refusal(
        self, reservation: Reservation, found: list[ScopeCounters], now: float
    ) -> GatewayError:
        """Return what stands in the way longest, and note what is left."""
        reservation.quota = quota_of(found, now)
        return self._look(reservation, now).refusal() or uncounted()

    def _look(self, reservation: Reservation, now: float) -> Look:
        lanes = reservation.lanes
        scopes = self._seen(reservation.scopes, now)
        return Look(reservation, scopes, self._seen(lanes, now), len(lanes), now)

    def _seen(self, scopes: Sequence[Scope | None], now: float) -> Seen:
        return [
            (scope, counters)
            for scope in scopes
            if scope is not None
            and (counters := self._rebuilding.find(scope, int(now))) is not None
        ]

    @override
    async def move(self, reservation: Reservation, lane: int) -> None:
        held = self._live.get(id(reservation))
        scope = reservation.lanes[lane] if reservation.lanes else None
        if held is None:
            reservation.lane = lane
            return
        if held.lane is not None:
            held.lane.settle(held.lane_second, held.amounts, NOTHING, reservation.currency)
            held.lane = None
        if scope is None:
            reservation.lane = lane
            return
        await self._rebuilding.known([scope])
        now = self._now()
        counters = self._rebuilding.find(scope, int(now))
        if counters is None:
            raise uncounted()
        error = refusal_by(scope, counters, reservation, now)
        if error is not None:
            raise error
        self._hold_lane(held, lane, int(now))
        reservation.quota = quota_of(held.all(), now)

    @override
    def settle(self, reservation: Reservation, used: Used) -> None:
        self.in_flight -= 1
        held = None
        amounts = (used.requests, used.tokens, used.cost_nano)
        if reservation.scopes or reservation.lanes:
            held = self._live.pop(id(reservation))
            self._settle_held(held, amounts)
        if self._rebuilding:
            self._rebuilding.count_others(reservation, held, amounts)

    def _settle_held(self, held: Held, amounts: Amounts) -> None:
        currency = held.reservation.currency
        for counters in held.scopes:
            passed = counters.settle(held.second, held.amounts, amounts, currency)
            if passed is not None:
                self._telling.tell(held.scope_of(counters), counters, passed)
        lane = held.lane
        if lane is not None:
            passed = lane.settle(held.lane_second, held.amounts, amounts, currency)
            if passed is not None:
                self._telling.tell(held.scope_of(lane), lane, passed)

    @override
    async def standing(self, reservation: Reservation) -> Standing:
        await self._rebuilding.known(_all_scopes(reservation))
        look = self._look(reservation, self._now())
        return look.standing(self.in_flight, self._max_in_flight)


def _all_scopes(reservation: Reservation) -> list[Scope]:
    return [*reservation.scopes, *[lane for lane in reservation.lanes if lane is not None]]
