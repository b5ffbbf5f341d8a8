"""The bench's verdict on routing, from samples that are made up."""

from dataclasses import replace

import pytest

from bench import targets_routing
from bench.checks import WrongAnswerError
from bench.routed import MODELS, WEIGHTS
from bench.routing import prove_spread
from bench.samples import (
    ALONE,
    DOWN,
    LATENCY,
    PLAIN,
    SINGLE,
    UNARY,
    WEIGHTED,
    Results,
    Sample,
)
from bench.targets import Target

EXACT = [100 * weight for weight in WEIGHTS]
CLOSED = [False] * len(WEIGHTS)


def _samples(name: str, *cpu_us_each: float) -> list[Sample]:
    return [
        Sample(name, PLAIN, UNARY, turn, 100, 0, 1.0, 100 * each, 9.0, 20.0)
        for turn, each in enumerate(cpu_us_each)
    ]


def _of(samples: list[Sample], *words: str) -> Target:
    [target] = [
        each
        for each in targets_routing.of_routing(Results(samples))
        if all(word in each.what for word in words)
    ]
    return target


@pytest.mark.parametrize(("last", "held"), [(170.0, True), (170.1, False)])
def test_the_median_of_the_pairs_counts(last: float, *, held: bool) -> None:
    """10 µs more in the middle of three rounds, though the medians of all differ by more."""
    samples = [*_samples(ALONE, 150.0, 130.0, 160.0), *_samples(WEIGHTED, 190.0, 139.0, last)]
    target = _of(samples, "weighted", "c=64")
    assert (target.most, target.unit, target.held) == (10.0, "µs", held)
    assert target.found is not None
    assert (target.found.low, target.found.high) == (9.0, 40.0)


def test_a_request_alone_is_held_to_the_same() -> None:
    """At c=1, and of each strategy on its own."""
    samples = [
        replace(each, kind=SINGLE) for each in [*_samples(ALONE, 200.0), *_samples(LATENCY, 211.0)]
    ]
    assert _of(samples, "lowest_latency", "c=1").held is False
    assert _of(samples, "lowest_latency", "c=64").held is None
    assert _of(samples, "weighted", "c=1").held is None


def test_calls_in_turn_must_fall_by_the_weights() -> None:
    """A hundredth more or less, since the turns were taken at any place of a cycle."""
    prove_spread(MODELS[WEIGHTED], EXACT, CLOSED)
    evenly = [sum(EXACT) // len(EXACT)] * len(EXACT)
    with pytest.raises(WrongAnswerError, match="not by the weights"):
        prove_spread(MODELS[WEIGHTED], evenly, CLOSED)
    prove_spread(MODELS[LATENCY], evenly, CLOSED)


def test_each_that_is_up_must_have_answered_and_none_may_have_failed() -> None:
    """A deployment that was left out would make the others look cheap."""
    with pytest.raises(WrongAnswerError, match="none"):
        prove_spread(MODELS[LATENCY], [*EXACT[:-1], 0], CLOSED)
    with pytest.raises(WrongAnswerError, match="out of reach"):
        prove_spread(MODELS[WEIGHTED], EXACT, [True, *CLOSED[1:]])


def test_the_one_that_is_down_must_have_been_found_out() -> None:
    """Its breaker has opened, and the others have answered its calls."""
    prove_spread(MODELS[DOWN], [0, *EXACT[1:]], [True, *CLOSED[1:]])
    with pytest.raises(WrongAnswerError, match="out of reach"):
        prove_spread(MODELS[DOWN], [0, *EXACT[1:]], CLOSED)
    with pytest.raises(WrongAnswerError, match="none"):
        prove_spread(MODELS[DOWN], EXACT, [True, *CLOSED[1:]])
