"""A provisioned deployment that is nearly full gives calls away, evenly, and never all of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.spill import MOST, NEWS_S, Spill

NOW = 1000.0


def heard(percent: float, spill_at: float = 90.0) -> Spill:
    """A deployment that has just said how full it is."""
    spill = Spill(spill_at)
    spill.heard(percent, NOW)
    return spill


@pytest.mark.parametrize(
    ("percent", "share"),
    [(0, 0), (90, 0), (90.5, 0.049), (95, 0.49), (100, MOST), (140, MOST)],
)
def test_the_share_grows_with_the_load(percent: float, share: float) -> None:
    """From nothing at `spill_at` to 98 % when it is full."""
    assert heard(percent).share(NOW) == pytest.approx(share)


def test_without_news_it_comes_back() -> None:
    """What was heard 15 s ago is not known any more."""
    spill = heard(100)
    assert spill.share(NOW + NEWS_S - 0.001) == MOST
    assert spill.share(NOW + NEWS_S) == 0
    assert Spill(50).share(NOW) == 0


@given(st.floats(90, 120), st.integers(1, 400))
def test_the_calls_that_move_are_the_share(percent: float, calls: int) -> None:
    """Of any number of calls so many move as the share says, but for one that is not whole yet."""
    spill = heard(percent)
    moved = sum([spill.moves(NOW) for _ in range(calls)])
    assert abs(moved - spill.share(NOW) * calls) < 1 + 1e-6


def test_what_moves_is_spread_evenly() -> None:
    """At half, every other call; at most, one in fifty stays."""
    spill = heard(90 + 10 * 0.5 / MOST)
    assert [spill.moves(NOW) for _ in range(6)] == [False, True] * 3
    full = heard(100)
    stays = [number for number in range(190) if not full.moves(NOW)]
    assert len(stays) == 4
    assert all(49 <= later - sooner <= 51 for sooner, later in pairwise(stays))


@given(st.lists(st.floats(85, 101), min_size=1, max_size=60))
def test_a_look_tells_what_comes(loads: list[float]) -> None:
    """Asking what the next call does changes nothing and is right."""
    spill = Spill(90)
    for percent in loads:
        spill.heard(percent, NOW)
        assert spill.would_move(NOW) == spill.would_move(NOW) == spill.moves(NOW)
