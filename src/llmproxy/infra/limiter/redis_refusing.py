"""A call before Redis: what is asked about it, and why it is refused, in all limiters' words."""

from collections.abc import Sequence
from typing import Any, NoReturn

from llmproxy.application.interfaces.limiter import Limit, Reservation, Scope, Standing
from llmproxy.domain.errors import GatewayError, Unavailable
from llmproxy.domain.limit_words import longest, shortest
from llmproxy.domain.pricing import NANO
from llmproxy.domain.scope_counters import ScopeCounters, quota_of
from llmproxy.infra.limiter.redis_dump import counters_of
from llmproxy.infra.limiter.redis_held import RedisHeld
from llmproxy.infra.limiter.redis_scope import Tracked
from llmproxy.infra.limiter.refusing import asked_of, limits_of, refusal_by
from llmproxy.infra.redis.line import Argument


class Found:
    """A reservation with its scopes and lanes.

    With `moving` only another lane is to be held for it; `first_lane` is the number of the first of
    `lanes` in the reservation. `joins` is how often each of `all` had been joined when Redis was
    asked.
    """

    __slots__ = (
        "all",
        "amounts",
        "first_lane",
        "joins",
        "lanes",
        "moving",
        "reservation",
        "scopes",
    )

    def __init__(
        self,
        reservation: Reservation,
        scopes: list[Tracked],
        lanes: Sequence[Tracked | None],
        moving: RedisHeld | None = None,
        first_lane: int = 0,
    ) -> None:
        self.reservation = reservation
        self.scopes = scopes
        self.lanes = lanes
        self.moving = moving
        self.first_lane = first_lane
        self.all = [*scopes, *[lane for lane in lanes if lane is not None]] if lanes else scopes
        self.amounts = asked_of(reservation)
        self.joins: list[int] = []

    def at(self, place: int) -> Tracked:
        """Return the scope or lane at a place of the script's arguments."""
        tracked = [*self.scopes, *self.lanes][place]
        if tracked is None:
            raise LookupError("Redis speaks of a lane without limits")
        return tracked

    def arguments(self, mode: str) -> tuple[Argument, ...]:
        """Return the arguments of `reserve.lua`."""
        _, tokens, nano = self.amounts
        currency = self.reservation.currency
        arguments: list[Argument] = [
            mode,
            tokens,
            *divmod(nano, NANO),
            len(self.scopes),
            len(self.lanes),
        ]
        for tracked in self.scopes:
            arguments += tracked.arguments(currency, nano)
        for lane in self.lanes:
            arguments += (b"",) if lane is None else lane.arguments(currency, nano)
        return tuple(arguments)


Seen = list[tuple[Scope, ScopeCounters]]


def _seen(found: Found, answer: Sequence[Any]) -> tuple[Seen, Seen, float]:
    """Return the counters of scopes and lanes, and the time."""
    now = float(answer[1])
    seen: Seen = []
    lanes: Seen = []
    for index, (tracked, dump) in enumerate(
        zip([*found.scopes, *found.lanes], answer[2:], strict=True)
    ):
        scope = None if tracked is None else tracked.scope
        if scope is not None:
            counters = counters_of(scope.limits, dump, int(now))
            (seen if index < len(found.scopes) else lanes).append((scope, counters))
    return seen, lanes, now


def _errors(found: Found, seen: Seen, lanes: Seen, now: float) -> list[GatewayError]:
    reservation = found.reservation
    errors = [
        error
        for scope, counters in seen
        if (error := refusal_by(scope, counters, reservation, now)) is not None
    ]
    full = [
        error
        for scope, counters in lanes
        if (error := refusal_by(scope, counters, reservation, now)) is not None
    ]
    if full and len(full) == len(found.lanes):
        errors.append(shortest(full))
    return errors


def raise_refusal(found: Found, answer: Sequence[Any]) -> NoReturn:
    """Raise what stands in the way longest."""
    seen, lanes, now = _seen(found, answer)
    if found.moving is None:
        found.reservation.quota = quota_of([counters for _, counters in seen], now)
    errors = _errors(found, seen, lanes, now)
    raise (
        longest(errors)
        if errors
        else Unavailable(
            "The limits of this request change too fast to be counted.",
            code="limits_unavailable",
            retry_after_s=1.0,
        )
    )


def standing_of(
    found: Found, answer: Sequence[Any], in_flight: int, most: int, full: GatewayError | None
) -> Standing:
    """Return all limits as Redis counts them, and what would refuse the call."""
    limits = [Limit("worker", "requests in flight", in_flight, most, "MAX_CONCURRENT_REQUESTS")]
    if not answer:
        return Standing(tuple(limits), full)
    seen, lanes, now = _seen(found, answer)
    for scope, counters in [*seen, *lanes]:
        limits += limits_of(scope, counters, now)
    errors = _errors(found, seen, lanes, now)
    return Standing(tuple(limits), full or (longest(errors) if errors else None))
