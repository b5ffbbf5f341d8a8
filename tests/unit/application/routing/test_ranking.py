"""However deployments are doing, who comes first is who the strategies' words say."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.routing.lowest_latency import ALIKE, FRESH_S, LOOK_S, LowestLatency
from llmproxy.application.routing.ranking import Seat, Seats
from llmproxy.application.routing.turns import LeastOutstanding, Ranked
from tests.unit.application.routing.fleets import plan_of

NOW = 1_000.0


class One(NamedTuple):
    """How a deployment is doing; told last so long ago."""

    outstanding: int
    weight: float
    average_s: float
    heard_s: float

    @property
    def known(self) -> bool:
        """Whether its latency is of now."""
        return self.heard_s < FRESH_S


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


def seated(ones: list[One]) -> tuple[Seats, Any]:
    """Deployments that are doing so, and their ward."""
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
    return tuple(seats), ward


def order(ranked: Ranked, seats: Seats, *, counted: bool = True) -> list[int]:
    """The order of a call, as places in the order of registration."""
    ordered = ranked.order(counted=counted)
    assert ordered.well == len(ordered.plan)
    plan = [seat.deployment for seat in seats]
    return [plan.index(each) for each in ordered.plan]


def loads(ones: list[One]) -> list[float]:
    """Calls under way for their weight."""
    return [one.outstanding / one.weight for one in ones]


@given(ONES)
def test_the_fewest_calls_for_its_weight(ones: list[One]) -> None:
    """All who have the fewest come first now and then, and nobody else does."""
    seats, ward = seated(ones)
    ranked = LeastOutstanding(seats, ward)
    found = [order(ranked, seats) for _ in range(64)]
    assert all(sorted(each) == list(range(len(ones))) for each in found)
    least = [place for place, load in enumerate(loads(ones)) if load == min(loads(ones))]
    assert sorted({each[0] for each in found}) == least


@given(ONES)
def test_a_look_takes_no_turn(ones: list[One]) -> None:
    """It says who comes next, as often as it is asked."""
    seats, ward = seated(ones)
    for ranked in (LeastOutstanding(seats, ward), LowestLatency(seats, ward)):
        for _ in range(20):
            looked = [order(ranked, seats, counted=False) for _ in range(2)]
            assert looked[0] == looked[1] == order(ranked, seats)


@given(ONES)
def test_the_soonest_come_first(ones: list[One]) -> None:
    """Alike are those within a quarter of the best: of them the least busy. Unknown ones last."""
    seats, ward = seated(ones)
    ranked = LowestLatency(seats, ward)
    for _ in ones:
        order(ranked, seats)  # The first calls go to those that are not known.
    known = [place for place, one in enumerate(ones) if one.known] or list(range(len(ones)))
    best_s = min([ones[place].average_s for place in known])
    alike = [at for at in known if ones[at].average_s <= best_s * ALIKE or not ones[at].known]
    least = min([loads(ones)[place] for place in alike])
    for _ in range(19):
        found = order(ranked, seats)
        assert sorted(found[: len(alike)]) == alike
        assert loads(ones)[found[0]] == least
        behind = [place for place in found[len(alike) :] if ones[place].known]
        assert behind == sorted(behind, key=lambda place: ones[place].average_s)
        assert not any(ones[place].known for place in found[len(alike) + len(behind) :])


def test_those_that_nobody_asks_are_not_compared_by_every_call() -> None:
    """Such as those of a later priority: nothing is new until one of them answers."""
    seats, ward = seated([One(0, 1.0, 0.2, FRESH_S * 2), One(0, 1.0, 0.1, FRESH_S * 2)])
    ranked = LowestLatency(seats, ward)
    picked, compared = ranked._picked, []
    ranked._picked = lambda column: compared.append(column) or picked(column)
    for _ in range(20):
        order(ranked, seats)
    assert len(compared) == 1
    health: Any = seats[1].health
    health.heard_at = NOW
    assert [order(ranked, seats)[0] for _ in range(20)].count(1) == 19
    assert len(compared) == 2
    ranked._monotonic = lambda: NOW + LOOK_S
    order(ranked, seats)
    assert len(compared) == 3


def test_a_latency_is_known_for_a_minute_and_no_longer() -> None:
    """Also between two moments at which all are compared."""
    seats, ward = seated([One(0, 1.0, 0.1, FRESH_S - LOOK_S / 2), One(0, 1.0, 0.2, 0.0)])
    ranked = LowestLatency(seats, ward)
    assert [order(ranked, seats)[0] for _ in range(3)] == [0, 0, 0]
    ranked._monotonic = lambda: NOW + LOOK_S / 2
    assert [order(ranked, seats)[0] for _ in range(3)] == [0, 0, 1]
