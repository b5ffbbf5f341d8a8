"""Who of the deployments of one priority is asked first, where that is not a matter of turns.

What is here marks deployments, in the order of registration: the least mark is asked first, and
those with the same stay in turn.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import add, itemgetter, mul
from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.affinity import seed_of
from llmproxy.application.routing.health import Health
from llmproxy.application.routing.plan import Plan
from llmproxy.application.routing.ward import Ward
from llmproxy.domain.pricing import Price
from llmproxy.domain.routing import Strategy
from llmproxy.domain.usage import Usage

FRESH_S: Final = 60.0
"""A latency that was heard longer ago says nothing of now."""
ALIKE: Final = 1.25
"""Latencies within this factor of the best are alike. From call to call they vary more than that;
to follow every millisecond would send all calls to one deployment until it is the slowest."""
_LAST: Final = float("inf")
_FIRST: Final = -_LAST
CALL_S: Final = 1e-12
"""What a call under way is among seconds: it decides where they are the same, and nowhere else."""
_PATTERN: Final = Usage(
    input_tokens=750, output_tokens=250, images=1, characters=1000, audio_ms=60_000
)
"""What prices are compared by: each kind of deployment has a price for some of these."""


class Seat(NamedTuple):
    """A deployment in a rota. `seed` is its number in draws for calls that belong together."""

    deployment: Deployment
    health: Health
    weight: float
    seed: int


Seats = tuple[Seat, ...]


class Group(NamedTuple):
    """The deployments of one priority, by columns, in the order of registration.

    `picked` takes what is theirs out of a column of the ward. A part is how much a call is of a
    deployment's share: `CALL_S` for who has the most weight. `weights` are left out where they are
    all the same.
    """

    plan: Plan
    healths: tuple[Health, ...]
    ward: Ward
    picked: Callable[[Sequence[float]], tuple[float, ...]]
    parts: tuple[float, ...]
    seeds: tuple[int, ...]
    weights: tuple[float, ...] | None


Places = tuple[int, ...]
"""Deployments of a group in the order of a turn, by their places in its columns."""
Ranking = Callable[[Group], list[float]]
"""Marks a group."""


def seat_of(deployment: Deployment, health: Health) -> Seat:
    """Return the seat of a deployment."""
    model = deployment.model
    return Seat(deployment, health, model.weight, seed_of(model.id))


def group_of(seats: Seats, ward: Ward) -> Group:
    """Return the columns of one priority; the healths are of this ward."""
    weights = tuple([seat.weight for seat in seats])
    most = max(weights)
    return Group(
        tuple([seat.deployment for seat in seats]),
        tuple([seat.health for seat in seats]),
        ward,
        _picking([seat.health.place for seat in seats]),
        tuple([most / weight * CALL_S for weight in weights]),
        tuple([seat.seed for seat in seats]),
        weights if len(set(weights)) > 1 else None,
    )


def _picking(places: Sequence[int]) -> Callable[[Sequence[float]], tuple[float, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    place = places[0]
    return lambda column: (column[place],)


def by_outstanding(group: Group) -> list[float]:
    """Mark each by its calls under way for its weight: 0 where there are none."""
    return list(map(mul, group.picked(group.ward.outstanding), group.parts))


def by_latency(group: Group) -> list[float]:
    """Mark each by how soon its answers begin, unknown ones last.

    Those that are alike are the same; of the same the one with the fewest calls under way for its
    weight is the best.
    """
    oldest = group.ward.clock.monotonic() - FRESH_S
    averages = group.picked(group.ward.average_s)
    known = [
        seconds if health.heard_at > oldest else _LAST
        for health, seconds in zip(group.healths, averages, strict=True)
    ]
    return _by_latency(known, by_outstanding(group))


def by_known_latency(group: Group) -> list[float]:
    """Do the same where all are known: each call asks for it."""
    return _by_latency(group.picked(group.ward.average_s), by_outstanding(group))


def _by_latency(known: Sequence[float], loads: list[float]) -> list[float]:
    alike_s = min(known) * ALIKE
    if max(known) <= alike_s:
        return loads
    return list(map(add, map(max, known, repeat(alike_s)), loads))


def known_until(group: Group) -> float:
    """Return until when all are known if none is heard meanwhile, in monotonic seconds."""
    return min([each.heard_at for each in group.healths]) + FRESH_S


def unknown_first(marks: list[float], group: Group, places: Places) -> None:
    """Mark one as the first whose latency is not known and that nobody asks now, if any is."""
    oldest = group.ward.clock.monotonic() - FRESH_S
    for place in places:
        health = group.healths[place]
        if health.heard_at <= oldest and not health.outstanding:
            marks[place] = _FIRST
            return


RANKINGS: Final[dict[Strategy, Ranking]] = {
    Strategy.LEAST_OUTSTANDING: by_outstanding,
    Strategy.LOWEST_LATENCY: by_latency,
}
"""Of the strategies that look at how deployments are doing; the others are turns."""


def ranked(plan: Plan, marks: list[float], places: Iterable[int]) -> Plan:
    """Return a plan in the order of its marks; those with the same are in that of the places."""
    order = sorted(places, key=marks.__getitem__)
    return itemgetter(*order)(plan) if len(order) > 1 else plan


def groups_of(seats: Seats, strategy: Strategy) -> list[Seats]:
    """Return the seats by priority, the first group first; with `cheapest` by price within it.

    Prices in another currency than the first deployment's cannot be compared: they come after.
    """
    by_price = strategy is Strategy.CHEAPEST
    currency = next((each.currency for each in _paid(seats)), "") if by_price else ""
    groups: dict[tuple[int, bool, int], list[Seat]] = {}
    for seat in seats:
        model = seat.deployment.model
        foreign, cost_nano = _cost(model.price, currency) if by_price else (False, 0)
        groups.setdefault((model.priority, foreign, cost_nano), []).append(seat)
    return [tuple(groups[key]) for key in sorted(groups)]


def _paid(seats: Seats) -> list[Price]:
    prices = [seat.deployment.model.price for seat in seats]
    return [price for price in prices if price is not None and not price.free]


def _cost(price: Price | None, currency: str) -> tuple[bool, int]:
    """Return whether a price is in another currency, and what the pattern of a call costs."""
    if price is None or price.free:
        return False, 0
    return price.currency != currency, price.cost_nano(_PATTERN)
