"""Marks in all their forms put deployments in the order that the strategies' words say."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.ranking import (
    ALIKE,
    FRESH_S,
    Group,
    Seat,
    by_known_latency,
    by_latency,
    by_outstanding,
    group_of,
    known_until,
    ranked,
)
from tests.unit.application.routing.fleets import plan_of

NOW = 1_000.0


class One(NamedTuple):
    """How a deployment is doing; told last so long ago."""

    outstanding: int
    weight: float
    average_s: float
    heard_s: float


ONES = st.lists(
    st.builds(
        One,
        st.integers(0, 3),
        st.sampled_from((1.0, 2.0, 0.5)),
        st.sampled_from((0.1, 0.12, 0.125, 0.13, 2.0)),
        st.sampled_from((0.0, FRESH_S - 1, FRESH_S, FRESH_S * 2)),
    ),
    min_size=1,
    max_size=8,
)


def group(ones: list[One]) -> Group:
    """Deployments that are doing so."""
    plan = plan_of(**{f"d{place}": {} for place in range(len(ones))})
    clock = SimpleNamespace(monotonic=lambda: NOW)
    # The columns end with somebody else.
    ward: Any = SimpleNamespace(outstanding=[99], average_s=[0.001], clock=clock)
    seats = []
    for deployment, one in zip(plan, ones, strict=True):
        ward.outstanding.insert(0, one.outstanding)
        ward.average_s.insert(0, one.average_s)
        health: Any = SimpleNamespace(
            place=len(ones) - 1 - len(seats),
            outstanding=one.outstanding,
            heard_at=NOW - one.heard_s,
        )
        seats.append(Seat(deployment, health, one.weight, 0))
    return group_of(tuple(seats), ward)


def places(made: Group, marks: list[float]) -> list[int]:
    """The order of the marks, as places in the turn."""
    return [made.plan.index(each) for each in ranked(made.plan, marks, range(len(marks)))]


@given(ONES)
def test_the_fewest_calls_for_its_weight(ones: list[One]) -> None:
    """Those with as many stay in turn."""
    made = group(ones)
    loads = [each.outstanding / each.weight for each in ones]
    assert places(made, by_outstanding(made)) == sorted(range(len(ones)), key=loads.__getitem__)


@given(ONES)
def test_the_soonest_alike_ones_by_their_calls_unknown_ones_last(ones: list[One]) -> None:
    """Alike are those within a quarter of the best; a latency of long ago is not known."""
    made = group(ones)
    known = [each.average_s for each in ones if each.heard_s < FRESH_S]
    best_s = min(known, default=0.0)

    def mark(place: int) -> tuple[float, float]:
        one = ones[place]
        load = one.outstanding / one.weight
        if one.heard_s >= FRESH_S:
            return (3.0, 0.0) if known else (0.0, load)
        return (0.0 if one.average_s <= best_s * ALIKE else one.average_s), load

    said = sorted(range(len(ones)), key=mark)
    assert places(made, by_latency(made)) == said
    if known_until(made) > NOW:
        assert len(known) == len(ones)
        assert places(made, by_known_latency(made)) == said
    else:
        assert len(known) < len(ones)
