"""Counters of single windows, at their edges."""

from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.domain.scope_counters import ScopeCounters, quota_of
from llmproxy.domain.steady_time import SteadyTime
from llmproxy.domain.windows import NEVER, Counter, Monthly, Sliding
from tests.fakes.stepped_clock import SteppedClock

NOW = 1_800_000_000
"""2027-01-15 08:00:00 UTC, the beginning of a step of both kinds."""
FEBRUARY = 1_801_440_000


def minute() -> Sliding:
    return Sliding(Measure.TOKENS, Window.MINUTE, NOW)


def alone(measure: Measure, window: Window) -> tuple[ScopeCounters, Counter]:
    """A scope with one rule, which is how calls are held and settled, and its counter."""
    counters = scope(Limits((Rule(measure, window, 100),)))
    return counters, counters.bounded[0]


def of_each(amount: int) -> tuple[int, int, int]:
    return amount, amount, amount


def test_an_amount_leaves_with_its_step() -> None:
    """What came at any moment of a step of 2 s counts until 60 s after the step's end."""
    for second in (NOW, NOW + 1):
        counters, counter = alone(Measure.TOKENS, Window.MINUTE)
        counters.hold(second, of_each(5), "USD")
        counters.settle(second, of_each(5), of_each(3), "USD")
        counter.roll(NOW + 61)
        assert counter.used == 3
        counter.roll(NOW + 62)
        assert (counter.used, counter.held) == (0, 0)


def test_a_day_leaves_with_its_quarter_of_an_hour() -> None:
    """Steps of the day are 15 minutes long."""
    counter = Sliding(Measure.COST, Window.DAY, NOW)
    counter.count(NOW + 899, 7)
    assert counter.resets_in(NOW + 899.5) == 86_400.5
    counter.roll(NOW + 899 + 86_400)
    assert counter.used == 7
    assert counter.roll(NOW + 900 + 86_400) == NOW + 86_400 + 1_800
    assert counter.used == 0


def test_settling_what_has_left() -> None:
    """A hold that has left its window is not given back a second time, and charges nothing."""
    counters, counter = alone(Measure.TOKENS, Window.MINUTE)
    counters.hold(NOW, of_each(5), "USD")
    counter.roll(NOW + 62)
    counters.settle(NOW, of_each(5), of_each(9), "USD")
    assert (counter.used, counter.held) == (0, 0)


def test_what_lies_ahead_counts_as_of_now() -> None:
    """A line of a journal from a clock that was ahead leaves the window in time."""
    counter = minute()
    counter.count(NOW + 10_000, 4)
    counter.roll(NOW + 61)
    assert counter.used == 4
    counter.roll(NOW + 62)
    assert counter.used == 0


def test_what_has_left_is_not_counted() -> None:
    """Lines of a journal older than the window change nothing, in whatever order they come."""
    counter = minute()
    for second in (NOW - 30, NOW - 63, NOW - 62, NOW - 60, NOW):
        counter.count(second, 1)
    assert counter.used == 3
    counter.roll(NOW + 2)
    assert counter.used == 2
    counter.roll(NOW + 34)
    assert counter.used == 1


def test_when_enough_has_left() -> None:
    """The steps are walked from the oldest until enough is free."""
    counter = minute()
    for seconds, amount in ((0, 10), (10, 20), (20, 30)):
        counter.roll(NOW + seconds)
        counter.count(NOW + seconds, amount)
    now = NOW + 20.5
    assert counter.frees_in(now, 10) == 62 - 20.5
    assert counter.frees_in(now, 11) == 72 - 20.5
    assert counter.frees_in(now, 60) == 82 - 20.5
    assert counter.frees_in(now, 61) is None
    assert counter.resets_in(now) == 82 - 20.5


def test_nothing_used_needs_no_reset() -> None:
    """A step from which all was given back does not delay the reset."""
    counters, counter = alone(Measure.TOKENS, Window.MINUTE)
    counter.count(NOW, 1)
    counter.roll(NOW + 30)
    counters.hold(NOW + 30, of_each(9), "USD")
    assert counter.resets_in(NOW + 30) == 62
    counters.settle(NOW + 30, of_each(9), of_each(0), "USD")
    assert counter.resets_in(NOW + 30) == 32
    counter.roll(NOW + 62)
    assert counter.resets_in(NOW + 62) == 0.0


def test_months() -> None:
    """A month ends with its last second in UTC; what was admitted before is not charged after."""
    counters, counter = alone(Measure.COST, Window.MONTH)
    assert isinstance(counter, Monthly)
    assert counter.resets_in(NOW) == 0.0
    counters.hold(FEBRUARY - 1, of_each(5), "USD")
    counter.count(FEBRUARY - 1, 2)
    assert counter.roll(FEBRUARY - 1) == FEBRUARY
    assert (counter.used, counter.held) == (2, 5)
    assert counter.frees_in(FEBRUARY - 0.5, 99) == counter.resets_in(FEBRUARY - 0.5) == 0.5

    counter.roll(FEBRUARY)
    counters.settle(FEBRUARY - 1, of_each(5), of_each(4), "USD")
    counter.count(FEBRUARY - 1, 1)
    counters.hold(FEBRUARY - 1, of_each(1), "USD")
    counter.hold(FEBRUARY - 1, 1)
    assert (counter.used, counter.held, counter.began) == (0, 0, FEBRUARY)


def test_totals() -> None:
    """They forget nothing, and no time gives anything back."""
    counters, counter = alone(Measure.COST, Window.TOTAL)
    counters.hold(NOW, of_each(5), "USD")
    assert counter.roll(NOW + 10**9) == NEVER
    counters.settle(NOW, of_each(5), of_each(4), "USD")
    counter.count(NOW, 3)
    assert (counter.used, counter.held, counter.began) == (7, 0, None)
    assert counter.frees_in(NOW, 1) is counter.resets_in(NOW) is None


def alerted(counter: Counter) -> list[int]:
    return [each.percent for each in counter.passed(counter.used)]


def test_shares_are_told_once() -> None:
    """Each share once; those passed when watching began are not told."""
    counter = Counter(Measure.TOKENS)
    counter.sums.most = 10
    counter.count(NOW, 5)
    counter.watch((50, 75, 100))
    assert counter.sums.alert_at == 8  # 7.5 is reached with 8
    counter.count(NOW, 3)
    assert alerted(counter) == [75]
    assert alerted(counter) == []
    counter.count(NOW, 9)
    assert alerted(counter) == [100]
    assert counter.sums.alert_at == NEVER


def test_a_month_tells_anew() -> None:
    """With a new month every share can be reached again."""
    counter = Monthly(Measure.COST, NOW)
    counter.sums.most = 10
    counter.watch((80,))
    counter.count(NOW, 9)
    assert alerted(counter) == [80]
    counter.roll(FEBRUARY)
    counter.count(FEBRUARY, 8)
    assert alerted(counter) == [80]


def test_a_sliding_window_is_armed_again() -> None:
    """Only when less than nine tenths of a share are used: swinging around it tells it once."""
    counter = minute()
    counter.sums.most = 100
    counter.watch((50, 100))
    counter.count(NOW, 4)
    counter.roll(NOW + 10)
    counter.count(NOW + 10, 1)
    counter.roll(NOW + 20)
    counter.count(NOW + 20, 45)
    assert alerted(counter) == [50]
    counter.roll(NOW + 62)  # 46 are left
    counter.count(NOW + 62, 4)
    assert alerted(counter) == []
    counter.roll(NOW + 82)  # 4 are left
    counter.count(NOW + 82, 96)
    assert alerted(counter) == [50, 100]


def test_a_clock_that_is_set_back() -> None:
    """Time goes on from where it was; set forth, it jumps."""
    clock = SteppedClock(NOW)
    time = SteadyTime(clock.now, clock.monotonic)
    clock.advance(5)
    clock.set_wall(-100)
    assert time() == NOW + 5
    clock.advance(3)
    assert time() == NOW + 8
    clock.set_wall(200)
    assert time() == NOW + 108


def test_a_clock_that_falls_behind_itself() -> None:
    """Even where the monotonic clock goes back, time does not."""
    clock = SteppedClock(NOW)
    time = SteadyTime(clock.now, clock.monotonic)
    clock.advance(-5)
    assert time() == NOW


LIMITS = Limits((Rule(Measure.TOKENS, Window.MINUTE, 10), Rule(Measure.COST, Window.TOTAL, 10)))


def scope(limits: Limits = LIMITS) -> ScopeCounters:
    counters = ScopeCounters(limits)
    counters.extend(limits, NOW)
    assert counters.adopt(limits)
    counters.roll(NOW)
    return counters


def test_other_money_does_not_count() -> None:
    """Costs in another currency are no money of this scope; tokens and requests are."""
    counters = scope(Limits(LIMITS.rules[:1]))
    priced = Limits(LIMITS.rules, currency="EUR")
    assert not counters.adopt(priced)
    assert [each.measure for each in counters.extend(priced, NOW)] == [Measure.COST]
    assert counters.adopt(priced)
    counters.hold(NOW, (1, 2, 3), "USD")
    counters.count(NOW, (1, 2, 3), "USD")
    counters.hold(NOW, (1, 2, 3), "EUR")
    tokens, cost = counters.bounded
    assert (tokens.used, tokens.held) == (2, 4)
    assert (cost.used, cost.held) == (0, 3)
    counters.settle(NOW, (1, 2, 3), (1, 1, 9), "USD")
    assert (cost.used, cost.held) == (0, 3)


def test_a_budget_in_a_new_currency_begins_anew() -> None:
    """What was counted in the old one cannot be added; the other counters stay."""
    counters = scope()
    counters.count(NOW, (1, 4, 5), "USD")
    euros = Limits(LIMITS.rules, currency="EUR")
    assert not counters.adopt(euros)
    assert len(counters.extend(euros, NOW)) == 1
    assert counters.adopt(euros)
    assert [each.used for each in counters.bounded] == [4, 0]
    assert counters.is_full((1, 1, 1), "USD")
    assert not counters.is_full((1, 1, 0), "USD")


def test_a_rule_is_gone() -> None:
    """It bounds nothing any more and goes on counting, for when it comes back."""
    counters = scope()
    assert counters.adopt(Limits(LIMITS.rules[:1]))
    assert not counters.is_full((1, 1, 99), "USD")
    counters.count(NOW, (1, 1, 9), "USD")
    assert counters.adopt(LIMITS)
    assert counters.is_full((1, 1, 2), "USD")


def test_headers_do_not_speak_of_totals() -> None:
    """Nor of money: there is no reset, and no header for it."""
    totals = Limits((Rule(Measure.TOKENS, Window.TOTAL, 10), Rule(Measure.COST, Window.DAY, 10)))
    assert quota_of([scope(totals)], NOW) is None
    zero = Limits((Rule(Measure.TOKENS, Window.DAY, 0),))
    quota = quota_of([scope(zero)], NOW)
    assert quota is not None
    assert quota.requests is None
    assert quota.tokens is not None
    assert (quota.tokens.most, quota.tokens.left, quota.tokens.reset_s) == (0, 0, 0.0)
