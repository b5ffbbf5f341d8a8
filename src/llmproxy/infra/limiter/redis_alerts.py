"""Crossings of limits that are counted in Redis: one of the workers tells each, once per window."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from llmproxy.application.interfaces.limiter import Alerts, Crossing, ScopeHistory
from llmproxy.domain.limit import DAY_S, SLIDING, Measure, Rule, Window, month_of
from llmproxy.domain.windows import PLACE
from llmproxy.infra.limiter.redis_dump import HEADER, MONTH, amount
from llmproxy.infra.limiter.redis_scope import SUMS, Tracked
from llmproxy.infra.limiter.redis_seat import Seat
from llmproxy.infra.redis.errors import RedisFailure
from llmproxy.infra.redis.line import Reply

logger = logging.getLogger("llmproxy")

MAX_CLAIMED: Final = 10_000
KEPT_S: Final = 400 * DAY_S
"""How long Redis remembers that a share of a total was told."""


class _Reached(NamedTuple):
    rule: Rule
    percent: int
    used: int


class RedisAlerts:
    """Looks at what a scope has used after each telling.

    In a sliding window a share is told again when the window's length has passed since.
    """

    def __init__(self, seat: Seat, alerts: Alerts | None) -> None:
        self._seat = seat
        self._alerts = alerts
        self._claimed: dict[str, float] = {}
        self._claims: set[asyncio.Future[Reply]] = set()

    async def drain(self) -> None:
        """Wait for what is being told."""
        if self._claims:
            await asyncio.wait(set(self._claims))
            await asyncio.sleep(0)

    def wants(self, tracked: Tracked) -> bool:
        """Whether anybody is to be told of this scope."""
        limits = tracked.limits
        return self._alerts is not None and limits is not None and bool(limits.alert_at_percent)

    def look(self, tracked: Tracked, raw: bytes) -> None:
        """Tell what the scope's header says to have been reached."""
        header = HEADER.unpack(raw)
        amounts = {
            (measure, window): amount(header, SUMS[window] - 1, PLACE[measure])
            + (amount(header, SUMS[window] + 3, 0) if measure is Measure.REQUESTS else 0)
            for measure in Measure
            for window in Window
        }
        for reached in _reached(tracked, amounts):
            self._claim(tracked, reached, header[MONTH], told=False)

    def installed(self, tracked: Tracked, told: ScopeHistory) -> None:
        """Remember what was reached before the counters were rebuilt: nobody is told again."""
        if not self.wants(tracked):
            return
        amounts = {}
        for window, parts in (
            (Window.MINUTE, [step.used for step in told.minutes]),
            (Window.DAY, [step.used for step in told.days]),
            (Window.MONTH, [told.month]),
            (Window.TOTAL, [told.total]),
        ):
            amounts[Measure.REQUESTS, window] = sum([each.requests for each in parts])
            amounts[Measure.TOKENS, window] = sum([each.tokens for each in parts])
            amounts[Measure.COST, window] = sum([each.cost_nano for each in parts])
        began = month_of(self._seat.now())[0]
        for reached in _reached(tracked, amounts):
            self._claim(tracked, reached, began, told=True)

    def _claim(self, tracked: Tracked, reached: _Reached, month: float, *, told: bool) -> None:
        rule = reached.rule
        now = self._seat.now()
        window = str(int(month)) if rule.window is Window.MONTH else "-"
        parts = ("alert", tracked.id, rule.field, str(rule.most), str(reached.percent), window)
        mark = ":".join(parts)
        if self._claimed.get(mark, 0.0) > now:
            return
        kept_s = _kept_s(rule, now)
        if len(self._claimed) >= MAX_CLAIMED:
            self._claimed.clear()
        self._claimed[mark] = now + kept_s
        try:
            sent = self._seat.call("SET", self._seat.name(*parts), 1, "NX", "EX", int(kept_s))
        except RedisFailure:
            del self._claimed[mark]  # the next telling looks again
            return

        def answered(answer: "asyncio.Future[Reply]") -> None:
            if answer.cancelled() or answer.exception() is not None:
                self._claimed.pop(mark, None)
            elif answer.result() is not None and not told:
                self._tell(tracked, reached, month)

        sent.add_done_callback(answered)
        self._claims.add(sent)
        sent.add_done_callback(self._claims.discard)

    def _tell(self, tracked: Tracked, reached: _Reached, month: float) -> None:
        rule, limits = reached.rule, tracked.limits
        if self._alerts is None or limits is None:
            return
        self._alerts.crossed(
            Crossing(
                tracked.kind,
                tracked.name,
                rule.field,
                reached.percent,
                reached.used,
                rule.most,
                limits.currency if rule.measure is Measure.COST else "",
                rule.measure,
                month if rule.window is Window.MONTH else None,
            )
        )


def _reached(tracked: Tracked, amounts: dict[tuple[Measure, Window], int]) -> Iterator[_Reached]:
    limits = tracked.limits
    if limits is None:
        return
    for rule in limits.rules:
        used = amounts[rule.measure, rule.window]
        yield from _shares(rule, used, limits.alert_at_percent)


def _shares(rule: Rule, used: int, percents: Sequence[int]) -> Iterator[_Reached]:
    for percent in percents:
        if rule.most and used >= -(-rule.most * percent // 100):
            yield _Reached(rule, percent, used)


def _kept_s(rule: Rule, now: float) -> float:
    if rule.window in SLIDING:
        return SLIDING[rule.window][1]
    return max(1.0, month_of(now)[1] - now) if rule.window is Window.MONTH else KEPT_S
