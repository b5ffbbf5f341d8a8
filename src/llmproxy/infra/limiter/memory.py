"""The limits of one worker, in memory."""

from collections.abc import Iterable, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import (
    NO_LANE,
    NOTHING_USED,
    Alerts,
    Limiter,
    Past,
    Reservation,
    Scope,
    Standing,
    Used,
)
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.scope_counters import ScopeCounters, left_of, quota_of
from llmproxy.domain.steady_time import SteadyTime
from llmproxy.infra.limiter.group import Amounts, Group, Held
from llmproxy.infra.limiter.rebuilding import BOUNDS, Bounds, Rebuilding, all_of
from llmproxy.infra.limiter.refusing import (
    Look,
    Seen,
    refusal_by,
    uncounted,
)
from llmproxy.infra.limiter.telling import Telling

PREPARED_AT_ONCE: Final = 500
UNKNOWN: Final = -1


class MemoryLimiter(Limiter):
    """Counts for one worker; `max_in_flight` is only shown: the gate at the door keeps it.

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
        self.in_flight += 1
        if not reservation.scopes and not reservation.lanes:
            if not reservation.at:
                reservation.at = self._now()
            return
        try:
            missing = self._try(reservation)
            if missing:
                await self._retry(reservation, missing)
        except BaseException:
            self.in_flight -= 1
            raise

    async def _retry(self, reservation: Reservation, missing: Sequence[Scope]) -> None:
        """Hold it as soon as these scopes are known."""
        for _ in range(self._rebuilding.bounds.tries - 1):
            await self._rebuilding.known(missing)
            missing = self._try(reservation)
            if not missing:
                return
        await self._rebuilding.known(missing)
        raise uncounted()

    def _try(self, reservation: Reservation) -> Sequence[Scope]:
        """Hold it, or return scopes that must be known first. Raises the refusal."""
        now = reservation.at = self._now()
        second = int(now)
        group = self._rebuilding.group(reservation.scopes, reservation.currency, second)
        if group is None:
            return _all_scopes(reservation)
        asked = (reservation.tokens, reservation.cost_nano)
        if reservation.lanes:
            return self._try_lanes(reservation, group, asked, now)
        if not group.hold(asked):
            raise self._refusal(reservation, group, now)
        self._live[id(reservation)] = (reservation, group, asked, second, None, second)
        if group.watching:
            self._tell_reached(group)
        reservation.quota = left_of(group.quoted, now)
        return ()

    def _try_lanes(
        self, reservation: Reservation, group: Group, asked: Amounts, now: float
    ) -> Sequence[Scope]:
        """Hold it in the first lane with room too, or nowhere."""
        number, lane = self._hold_first(reservation, asked, int(now))
        if number == UNKNOWN:
            return _all_scopes(reservation)
        if number >= len(reservation.lanes) or not group.hold(asked):
            if lane is not None:
                lane.unhold(asked)
            raise self._refusal(reservation, group, now)
        self._tell_reached(group)
        self._enter((reservation, group, asked, int(now), lane, int(now)), number, now)
        return ()

    def _hold_first(
        self, reservation: Reservation, asked: Amounts, second: int
    ) -> tuple[int, Group | None]:
        """Hold it in the first lane with room; return which, and what holds it there.

        Their number when there is none, UNKNOWN when one must be known.
        """
        for number, scope in enumerate(reservation.lanes):
            if scope is None:
                return number, None
            lane = self._rebuilding.lane(scope, reservation.currency, second)
            if lane is None:
                return UNKNOWN, None
            if lane.hold(asked):
                return number, lane
        return len(reservation.lanes), None

    def _enter(self, held: Held, number: int, now: float) -> None:
        """Note the lane that holds a call, and what is left."""
        reservation, lane = held[0], held[4]
        self._live[id(reservation)] = held
        reservation.lane = number
        if lane is not None:
            self._tell_reached(lane)
        reservation.quota = quota_of(all_of(held), now)

    def _refusal(self, reservation: Reservation, group: Group, now: float) -> GatewayError:
        """Return what stands in the way longest, and note what is left."""
        reservation.quota = left_of(group.quoted, now)
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
        _, group, amounts, second, present, since = held
        if present is not None:
            present.settle(since, amounts, NOTHING_USED, self._rebuilding.stepped)
            self._live[id(reservation)] = (reservation, group, amounts, second, None, second)
        if scope is None:
            reservation.lane = lane
            return
        reservation.lane = NO_LANE
        await self._rebuilding.known([scope])
        now = self._now()
        new = self._rebuilding.lane(scope, reservation.currency, int(now))
        if new is None:
            raise uncounted()
        if not new.hold(amounts):
            raise refusal_by(scope, new.counters[0], reservation, now) or uncounted()
        self._enter((reservation, group, amounts, second, new, int(now)), lane, now)

    @override
    def settle(self, reservation: Reservation, used: Used) -> None:
        self.in_flight -= 1
        own: tuple[ScopeCounters, ...] = ()
        if reservation.scopes or reservation.lanes:
            held = self._live.pop(id(reservation))
            _, group, amounts, second, lane, lane_second = held
            own = group.counters
            self._settle(group, second, amounts, used)
            if lane is not None:
                own = all_of(held)
                asked = reservation.deployment is not None
                self._settle(lane, lane_second, amounts, used if asked else NOTHING_USED)
        if self._rebuilding:
            self._rebuilding.count_others(reservation, own, used)

    def _settle(self, group: Group, second: int, asked: Amounts, used: Used) -> None:
        group.settle(second, asked, used, self._rebuilding.stepped)
        if group.alerting:
            for number, counter in group.alerting:
                sums = counter.sums
                if sums.used >= sums.alert_at:
                    self._telling.tell(
                        group.scopes[number], group.counters[number], counter.passed(sums.used)
                    )

    def _tell_reached(self, group: Group) -> None:
        for number, counter in group.watching:
            taken = counter.sums.taken
            if taken >= counter.sums.alert_at:
                self._telling.tell(
                    group.scopes[number], group.counters[number], counter.passed(taken)
                )

    @override
    async def standing(self, reservation: Reservation) -> Standing:
        await self._rebuilding.known(_all_scopes(reservation))
        look = self._look(reservation, self._now())
        return look.standing(self.in_flight, self._max_in_flight)


def _all_scopes(reservation: Reservation) -> list[Scope]:
    return [*reservation.scopes, *[lane for lane in reservation.lanes if lane is not None]]
