"""Random calls, pauses, clock steps and restarts, against a model that keeps every call."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmproxy.application.interfaces.limiter import Limit, Reservation, Scope, ScopeKind, Used
from llmproxy.domain.errors import BudgetSpent, RateLimited
from llmproxy.domain.limit import Limits, Measure, Rule, Window, month_of
from llmproxy.infra.limiter.memory import MemoryLimiter
from tests.fakes.past import FakePast
from tests.fakes.stepped_clock import SteppedClock

MOST = {
    (Measure.REQUESTS, Window.MINUTE): 4,
    (Measure.TOKENS, Window.MINUTE): 60,
    (Measure.COST, Window.DAY): 150,
    (Measure.COST, Window.MONTH): 300,
    (Measure.TOKENS, Window.TOTAL): 2_000,
}
SCOPE = Scope(
    ScopeKind.KEY,
    "k1",
    Limits(tuple(Rule(*place, most) for place, most in MOST.items()), None, "USD", (50, 100)),
)
OTHER = Scope(ScopeKind.PROJECT, "p", Limits((Rule(Measure.REQUESTS, Window.DAY, 12),)))
SCOPES = (SCOPE, OTHER)
"""One tuple for all calls, as the registry hands it out: what is found for it is remembered."""
STEP_S = {Window.MINUTE: (2, 60), Window.DAY: (900, 86_400)}


class Counted(NamedTuple):
    """A call that was admitted, with what counts of it now."""

    at: float
    amounts: tuple[int, int, int]
    held: bool


class LimiterMachine(RuleBasedStateMachine):
    """`calls` are all that were admitted, whether they have ended or not."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.past = FakePast()
        self.limiter = MemoryLimiter(self.clock, self.past, None, max_in_flight=1_000)
        self.calls: dict[int, Counted] = {}
        self.admitted_at: list[float] = []
        self.open: list[Reservation] = []
        self.loop = asyncio.new_event_loop()
        self.time_s = self.clock.now()

    def teardown(self) -> None:
        for held in list(self.open):
            self.end(held, Used(0, 0, 0))
        assert self.limiter.in_flight == 0
        assert all(each.held == 0 for each in self.stands())
        self.loop.close()

    def run(self, awaitable: Any) -> Any:  # noqa: ANN401 - whatever it returns
        return self.loop.run_until_complete(awaitable)

    def stands(self) -> list[Limit]:
        asked = Reservation("k1", "p", "m", "USD", 0, 0, SCOPES)
        return list(self.run(self.limiter.standing(asked)).limits[1:])

    def end(self, held: Reservation, used: Used) -> None:
        self.open.remove(held)
        self.past.closed(held, used)
        self.limiter.settle(held, used)
        amounts = (used.requests, used.tokens, used.cost_nano)
        self.calls[id(held)] = Counted(held.at, amounts, held=False)

    def steady(self) -> float:
        """Return the time that counts: it is never set back."""
        return max(self.time_s, self.clock.now())

    @rule(cost=st.integers(0, 90), tokens=st.integers(0, 40))
    def reserve(self, cost: int, tokens: int) -> None:
        held = Reservation("k1", "p", "m", "USD", cost, tokens, SCOPES)
        fits = self.fits((1, tokens, cost))
        try:
            self.run(self.limiter.reserve(held))
        except (RateLimited, BudgetSpent):
            assert not fits
            return
        assert fits
        self.open.append(held)
        self.calls[id(held)] = Counted(held.at, (1, tokens, cost), held=True)
        self.admitted_at.append(self.clock.monotonic())
        self.kept = [*getattr(self, "kept", []), held]  # ids stay those of living objects

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.floats(0, 1), counts=st.integers(0, 1))
    def settle(self, data: st.DataObject, share: float, counts: int) -> None:
        held = data.draw(st.sampled_from(self.open))
        used = Used(int(held.cost_nano * share), int(held.tokens * share), counts)
        if not counts:
            self.admitted_at = []  # what came to nothing was admitted and does not count
        self.end(held, used)

    @rule(seconds=st.sampled_from([0.25, 1, 2, 7, 31, 60, 62, 900, 5_000, 86_400, 2_000_000]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.time_s = max(self.time_s + seconds, self.clock.now())

    @rule(by_s=st.sampled_from([-100_000, -3_600, -61, -1, 1, 30, 90]))
    def set_clock(self, by_s: int) -> None:
        self.clock.set_wall(by_s)
        self.time_s = max(self.time_s, self.clock.now())
        if by_s > 0:
            self.admitted_at = []  # by the wall clock more than that time has passed

    @precondition(lambda self: not self.open and self.clock.now() >= self.time_s)
    @rule()
    def restart(self) -> None:
        self.past.carried = len(self.past.lines) // 2
        self.limiter = MemoryLimiter(self.clock, self.past, None, max_in_flight=1_000)

    def counts(self, place: tuple[Measure, Window]) -> tuple[int, int]:
        measure, window = place
        within = _within(window, int(self.steady()))
        index = (Measure.REQUESTS, Measure.TOKENS, Measure.COST).index(measure)
        own = [each for each in self.calls.values() if within(int(each.at))]
        used = sum(each.amounts[index] for each in own if not each.held)
        return used, sum(each.amounts[index] for each in own if each.held)

    def fits(self, amounts: tuple[int, int, int]) -> bool:
        most = {**MOST, (Measure.REQUESTS, Window.DAY): 12}
        asked = dict(zip((Measure.REQUESTS, Measure.TOKENS, Measure.COST), amounts, strict=True))
        return all(
            not asked[place[0]] or sum(self.counts(place)) + asked[place[0]] <= bound
            for place, bound in most.items()
        )

    @invariant()
    def sums_are_those_of_the_calls(self) -> None:
        places = [*MOST, (Measure.REQUESTS, Window.DAY)]
        for place, limit in zip(places, self.stands(), strict=True):
            assert (limit.used, limit.held) == self.counts(place), place
            assert limit.used >= 0
            assert limit.held >= 0

    @invariant()
    def no_minute_holds_more(self) -> None:
        times = self.admitted_at
        most = MOST[Measure.REQUESTS, Window.MINUTE]
        assert all(later - first >= 60 for first, later in zip(times, times[most:], strict=False))


def _within(window: Window, now: int) -> Callable[[int], bool]:
    if window is Window.TOTAL:
        return lambda at: at <= now + 10**9
    if window is Window.MONTH:
        return lambda at: at >= month_of(now)[0]
    step_s, length_s = STEP_S[window]
    return lambda at: (at // step_s + 1) * step_s + length_s > now


TestLimiter = LimiterMachine.TestCase
TestLimiter.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
