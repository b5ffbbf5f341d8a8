"""What becomes of calls with limits while the counters in Redis cannot be reached."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import SLIDING, Limits, Rule, WhenAway
from llmproxy.domain.pricing import NANO
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import PLACE
from llmproxy.infra.limiter.redis_scope import PLACE_OF_COST, Tracked
from llmproxy.infra.limiter.redis_seat import Seat

RETRY_S: Final = 1.0
_LASTS_S: Final = {window: step_s + length_s for window, (step_s, length_s) in SLIDING.items()}


class Away:
    """Decides at once, by what this worker knows alone."""

    def __init__(self, seat: Seat, when_away: WhenAway) -> None:
        self._seat = seat
        self._when_away = when_away
        self.refused = self.passed = 0

    @property
    def shares(self) -> bool:
        """Whether the last known counters will be needed."""
        return self._when_away is WhenAway.SHARE

    def lane(
        self, reservation: Reservation, scopes: Sequence[Tracked], lanes: Sequence[Tracked | None]
    ) -> int:
        """Return the lane in which the call is let through, -1 for none. Raises Unavailable."""
        lane = self._lane(reservation, scopes, lanes)
        if lane is None:
            self.refused += 1
            raise _away()
        self.passed += 1
        return lane

    def _lane(
        self, reservation: Reservation, scopes: Sequence[Tracked], lanes: Sequence[Tracked | None]
    ) -> int | None:
        first = 0 if lanes else -1
        if self._when_away is WhenAway.OPEN:
            return first
        workers = len(self._seat.peers)
        if self._when_away is WhenAway.CLOSED or not workers:
            return None
        if not all(self._has_room(each, reservation, workers) for each in scopes):
            return None
        for lane, each in enumerate(lanes):
            if each is None or self._has_room(each, reservation, workers):
                return lane
        return None if lanes else first

    def _has_room(self, tracked: Tracked, reservation: Reservation, workers: int) -> bool:
        """Whether this worker's share of what was left has room for a call."""
        limits = tracked.limits
        if limits is None:
            return False
        most = limits.concurrent_requests
        if most is not None and tracked.in_flight >= most // workers:
            return False
        now = self._seat.now()
        share = tracked.share
        if share is None:
            mine = share_of(limits, tracked.last, workers, now)
            share = tracked.share = ScopeCounters(mine)
            share.extend(mine, int(now))
            share.adopt(mine)
        share.roll(int(now))
        return not share.is_full(
            (1, reservation.tokens, reservation.cost_nano), reservation.currency
        )


def share_of(
    limits: Limits, last: tuple[list[int], int, float] | None, workers: int, now: float
) -> Limits:
    """Return what one of so many workers may let through of what was left of these limits.

    `last` are numbers of `reserve.lua` (two for each rule), where the scope's begin, and when they
    were told. What a sliding window held then has left it after the window's length.
    """
    rules = []
    for index, rule in enumerate(limits.rules):
        taken = 0
        if last is not None and now < last[2] + _LASTS_S.get(rule.window, float("inf")):
            numbers, begin, _ = last
            taken = numbers[begin + 2 * index]
            if PLACE[rule.measure] == PLACE_OF_COST:
                taken = taken * NANO + numbers[begin + 2 * index + 1]
        rules.append(Rule(rule.measure, rule.window, max(0, rule.most - taken) // workers))
    return replace(limits, rules=tuple(rules), concurrent_requests=None, alert_at_percent=())


def _away() -> Unavailable:
    return Unavailable(
        "The limits of this key, project or model cannot be counted now.",
        code="limits_unavailable",
        retry_after_s=RETRY_S,
    )
