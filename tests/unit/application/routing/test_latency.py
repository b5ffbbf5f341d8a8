"""The 95th percentile of the last five minutes, in bounded memory."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.latency import LEAST_ANSWERS, SLICE_S, SLICES, Percentile

NOW = 10_000.0


def test_few_answers_tell_nothing() -> None:
    """Nineteen are too few, twenty are enough; a new figure is there after a second."""
    percentile = Percentile()
    for _ in range(LEAST_ANSWERS - 1):
        percentile.count(1.0, NOW)
    assert percentile.seconds(NOW) is None
    percentile.count(1.0, NOW)
    assert percentile.seconds(NOW + 0.9) is None
    told = percentile.seconds(NOW + 1)
    assert told is not None
    assert 1.0 <= told <= 1.06


@given(st.lists(st.floats(0.0001, 3600), min_size=LEAST_ANSWERS, max_size=200))
def test_it_is_within_five_percent(times: list[float]) -> None:
    """At least the true one, and at most 5 % more, from a tenth of a millisecond to an hour."""
    percentile = Percentile()
    for seconds in times:
        percentile.count(seconds, NOW)
    exact = sorted(times)[ceil(len(times) * 0.95) - 1]
    told = percentile.seconds(NOW)
    assert told is not None
    assert exact * 0.9999 <= told <= exact * 1.06


def test_old_answers_are_forgotten() -> None:
    """Those of five minutes ago do not count, those of less do."""
    percentile = Percentile()
    for _ in range(LEAST_ANSWERS):
        percentile.count(9.0, NOW)
    last = NOW + SLICE_S + SLICE_S * SLICES
    assert percentile.seconds(last - 0.001) is not None
    assert percentile.seconds(last + 1) is None
    for _ in range(LEAST_ANSWERS):
        percentile.count(1.0, last + 2)
    told = percentile.seconds(last + 3)
    assert told is not None
    assert told < 1.1


def test_no_time_at_all_is_a_time() -> None:
    """An answer from memory takes nothing, or less by the clock."""
    percentile = Percentile()
    for _ in range(LEAST_ANSWERS):
        percentile.count(0.0, NOW)
    told = percentile.seconds(NOW)
    assert told is not None
    assert told < 0.001
