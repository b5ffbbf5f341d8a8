"""Turns: shares are exact over a cycle, evenly mixed, and whoever comes second has a share too."""

from collections import Counter
from fractions import Fraction
from itertools import islice
from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.rotation import MAX_CYCLE, MAX_SECONDS, orders, shares, smooth

WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=8)
ANY_WEIGHTS = st.lists(st.floats(0.001, 1000), min_size=1, max_size=8)


def taken(weights: list[float], turns: int) -> list[tuple[int, ...]]:
    """The orders of so many turns, as places."""
    return list(islice(orders(range(len(weights)), weights, tuple), turns))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0], [1]),
        ([1.0, 1.0, 1.0], [1, 1, 1]),
        ([2.0, 4.0], [1, 2]),
        ([0.1, 0.2], [1, 2]),
        ([0.5, 1.25], [2, 5]),
        ([1000.0, 1.0], [1000, 1]),
        ([1000.0, 0.001], [1023, 1]),
        ([0.001] * 3, [1, 1, 1]),
    ],
)
def test_shares_are_as_written(weights: list[float], expected: list[int]) -> None:
    """Decimals count as they are written; what needs too long a cycle is as near as can be."""
    assert shares(weights) == expected


@given(ANY_WEIGHTS)
def test_shares_are_near(weights: list[float]) -> None:
    """Nobody is left out, the cycle is bounded, and a share is off by one turn at most."""
    found = shares(weights)
    exact = [Fraction(repr(weight)) for weight in weights]
    assert min(found) >= 1
    assert sum(found) <= MAX_CYCLE + len(weights)
    turns = sum(found)
    for number, weight in zip(found, exact, strict=True):
        if turns < MAX_CYCLE:
            assert Fraction(number, turns) == weight / sum(exact)
        else:
            assert number == 1 or abs(number - MAX_CYCLE * weight / sum(exact)) < 1


@given(WEIGHTS)
def test_a_cycle_is_exact_and_even(weights: list[int]) -> None:
    """Each comes as often as its number; at any moment nobody is a whole turn ahead or behind."""
    cycle = list(smooth(weights))
    assert Counter(cycle) == Counter(dict(enumerate(weights)))
    total = sum(weights)
    so_far = [0] * len(weights)
    for turn, place in enumerate(cycle, 1):
        so_far[place] += 1
        for number, weight in zip(so_far, weights, strict=True):
            assert abs(number - Fraction(weight * turn, total)) < len(weights)


@given(WEIGHTS, st.integers(1, 3))
def test_no_order_loses_or_doubles_anybody(weights: list[int], cycles: int) -> None:
    """Every order is a permutation; the firsts are those of the cycle, again and again."""
    each = [float(weight) for weight in weights]
    numbers = shares(each)
    found = taken(each, cycles * sum(numbers))
    assert all(sorted(order) == list(range(len(weights))) for order in found)
    assert Counter(order[0] for order in found) == {
        place: cycles * number for place, number in enumerate(numbers)
    }


@given(st.lists(st.integers(1, 3), min_size=2, max_size=5))
def test_the_seconds_have_their_shares(weights: list[int]) -> None:
    """Behind each first, the others come second as often as their weights say."""
    each = [float(weight) for weight in weights]
    numbers = shares(each)
    others = [sum(numbers) - number for number in numbers]
    if max(others) > MAX_SECONDS:
        return
    found = taken(each, sum(numbers) * lcm(*others))
    for first, left in enumerate(others):
        seconds = Counter(order[1] for order in found if order[0] == first)
        turns = sum(seconds.values())
        assert {place: Fraction(count, turns) for place, count in seconds.items()} == {
            place: Fraction(number, left) for place, number in enumerate(numbers) if place != first
        }


def test_a_failing_deployment_burdens_all_others_alike() -> None:
    """What one of four equals leaves over does not fall on the one behind it."""
    found = taken([1.0] * 4, 120)
    fallen = Counter(order[1] if order[0] == 0 else order[0] for order in found)
    assert fallen == {1: 40, 2: 40, 3: 40}


def test_what_is_made_is_made_once() -> None:
    """Orders are kept, so that a turn costs nothing after the first cycles."""
    made: list[tuple[str, ...]] = []

    def make(order: tuple[str, ...]) -> tuple[str, ...]:
        made.append(order)
        return order

    list(islice(orders(["a", "b", "c"], [1.0, 1.0, 1.0], make), 300))
    assert len(made) == len(set(made)) == 6
