"""Retries are never more than a fifth of the calls and ten a second."""

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.retry_budget import PER_SECOND, SHARE, RetryBudget
from tests.fakes.clock import FakeClock

STEPS = st.lists(
    st.tuples(st.sampled_from(["call", "take", "wait"]), st.integers(1, 40)), max_size=60
)


@given(STEPS)
def test_the_bound_holds_over_any_time(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order, from the beginning until any moment."""
    clock = FakeClock()
    budget = RetryBudget(clock.monotonic)
    began = clock.monotonic()
    calls = taken = 0
    for what, number in steps:
        if what == "wait":
            clock.advance(number / 8)
        for _ in range(number):
            if what == "call":
                budget.began()
                calls += 1
            elif what == "take":
                taken += budget.take()
        passed_s = clock.monotonic() - began
        assert taken <= PER_SECOND * (passed_s + 1) + SHARE * calls + 1e-6
    assert budget.taken == taken


def test_a_model_with_few_calls_has_ten() -> None:
    """At once, and as many again in every second."""
    clock = FakeClock()
    budget = RetryBudget(clock.monotonic)
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    clock.advance(0.5)
    assert [budget.take() for _ in range(6)] == [True] * 5 + [False]
    assert budget.denied == 2


def test_in_an_outage_a_fifth_is_retried() -> None:
    """A hundred calls a second that all fail: 20 retries a second for them, and the ten."""
    clock = FakeClock()
    budget = RetryBudget(clock.monotonic)
    taken = []
    for _ in range(30):
        before = budget.taken
        for _ in range(100):
            clock.advance(0.01)
            budget.began()
            budget.take()
        taken.append(budget.taken - before)
    assert all(29 <= number <= 31 for number in taken[5:])


def test_a_quiet_day_does_not_pay_for_a_storm() -> None:
    """A hundred calls a second all day, and none was retried: two seconds' worth is left."""
    clock = FakeClock()
    budget = RetryBudget(clock.monotonic)
    for _ in range(100_000):
        budget.began()
    clock.advance(1000)
    assert sum([budget.take() for _ in range(1000)]) == PER_SECOND + SHARE * 100 * 10


def test_an_idle_budget_is_as_good_as_new() -> None:
    """So it may be forgotten."""
    clock = FakeClock()
    budget = RetryBudget(clock.monotonic)
    assert budget.is_idle()
    for _ in range(100):
        budget.began()
    budget.take()
    assert not budget.is_idle()
    clock.advance(60)
    assert budget.is_idle()
