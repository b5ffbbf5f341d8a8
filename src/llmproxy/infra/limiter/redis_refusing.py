"""A call before Redis: what is asked about it, and why it is refused, in all limiters' words."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn

from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.domain.pricing import NANO
from llmproxy.domain.scope_counters import quota_of
from llmproxy.infra.limiter.redis_dump import counters_of
from llmproxy.infra.limiter.redis_held import RedisHeld
from llmproxy.infra.limiter.redis_scope import Tracked
from llmproxy.infra.limiter.refusing import Look, Seen, asked_of, uncounted
from llmproxy.infra.redis.line import wired

_MODES: Final = {mode: wired((mode,)) for mode in ("hold", "look")}
_UNLIMITED: Final = wired((b"",))


class Found:
    """A reservation with its scopes and lanes.

    With `moving` only another lane is to be held for it; `first_lane` is the number of the first of
    `lanes` in the reservation. `joins` is how often each of `all` had been joined when Redis was
    asked, `sent` how many tellings had left then.
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
        "sent",
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
        self.sent = 0

    def at(self, place: int) -> Tracked:
        """Return the scope or lane at a place of the script's arguments."""
        tracked = [*self.scopes, *self.lanes][place]
        if tracked is None:
            raise LookupError("Redis speaks of a lane without limits")
        return tracked

    def arguments(self, mode: str) -> tuple[int, bytes]:
        """Return the number of arguments of `reserve.lua`, and these as they go over the wire."""
        _, tokens, nano = self.amounts
        currency = self.reservation.currency
        whole, rest = divmod(nano, NANO)
        parts = [
            _MODES[mode],
            wired((tokens, whole, rest)),
            _wired_numbers(len(self.scopes), len(self.lanes)),
        ]
        number = 6
        for tracked in self.scopes:
            parts.append(tracked.arguments(currency, nano))
            number += tracked.parts
        for lane in self.lanes:
            parts.append(_UNLIMITED if lane is None else lane.arguments(currency, nano))
            number += 1 if lane is None else lane.parts
        return number, b"".join(parts)


@lru_cache(maxsize=256)
def _wired_numbers(*numbers: int) -> bytes:
    return wired(numbers)


def look_of(found: Found, answer: Sequence[Any]) -> Look:
    """Return the counters of scopes and lanes as Redis has dumped them."""
    now = float(answer[1])
    number = len(found.scopes)
    scopes = _seen(found.scopes, answer[2 : 2 + number], now)
    lanes = _seen(found.lanes, answer[2 + number :], now)
    return Look(found.reservation, scopes, lanes, len(found.lanes), now)


def _seen(asked: Sequence[Tracked | None], dumps: Sequence[Any], now: float) -> Seen:
    return [
        (scope, counters_of(scope.limits, dump, int(now)))
        for tracked, dump in zip(asked, dumps, strict=True)
        if tracked is not None and (scope := tracked.scope) is not None
    ]


def raise_refusal(found: Found, answer: Sequence[Any]) -> NoReturn:
    """Raise what stands in the way longest."""
    look = look_of(found, answer)
    if found.moving is None:
        found.reservation.quota = quota_of([counters for _, counters in look.scopes], look.now)
    raise look.refusal() or uncounted()
