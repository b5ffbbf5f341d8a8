"""Who of the deployments of one priority is asked first, where that is not a matter of turns.

What is here marks deployments, in the order of registration: the least mark is asked first, and
those with the same stay in turn.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.affinity import seed_of
from llmproxy.application.routing.health import Health
from llmproxy.application.routing.plan import Plan
from llmproxy.domain.pricing import Price
from llmproxy.domain.routing import Strategy
from llmproxy.domain.usage import Usage

FRESH_S: Final = 60.0
"""A latency that was heard longer ago says nothing of now."""
ALIKE: Final = 1.25
"""Latencies within this factor of the best are alike. From call to call they vary more than that;
to follow every millisecond would send all calls to one deployment until it is the slowest."""
_AVERAGE_S: Final = attrgetter("average_s")
_OUTSTANDING: Final = attrgetter("outstanding")
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

    A part is how much a call is of a deployment's share: `CALL_S` for who has the most weight.
    """

    plan: Plan
    healths: tuple[Health, ...]
    parts: tuple[float, ...]


Places = tuple[int, ...]
"""Deployments of a group in the order of a turn, by their places in its columns."""
Ranking = Callable[[Group, float], list[float]]
"""Marks a group, at this monotonic time."""


def seat_of(deployment: Deployment, health: Health) -> Seat:
    """Return the seat of a deployment."""
    model = deployment.model
    return Seat(deployment, health, model.weight, seed_of(model.id))


def group_of(seats: Seats) -> Group:
    """Return the columns of one priority."""
    most = max([seat.weight for seat in seats])
    return Group(
        tuple([seat.deployment for seat in seats]),
        tuple([seat.health for seat in seats]),
        tuple([most / seat.weight * CALL_S for seat in seats]),
    )


def idle(group: Group) -> bool:
    """Whether nobody in it has a call under way."""
    return not any(map(_OUTSTANDING, group.healths))


def by_outstanding(group: Group, now: float) -> list[float]:
    """Mark each by its calls under way for its weight."""
    del now
    each = zip(group.healths, group.parts)  # noqa: B905 - as long as one another; this is hot
    return [health.outstanding * part for health, part in each]


def by_latency(group: Group, now: float) -> list[float]:
    """Mark each by how soon its answers begin, unknown ones last.

    Those that are alike are the same; of the same the one with the fewest calls under way for its
    weight is the best.
    """
    oldest = now - FRESH_S
    known = [each.average_s if each.heard_at > oldest else _LAST for each in group.healths]
    loads = by_outstanding(group, now)
    alike_s = min(known) * ALIKE
    if alike_s == _LAST:
        return loads
    return [max(alike_s, seconds) + load for seconds, load in zip(known, loads, strict=True)]


def by_known_latency(group: Group) -> list[float]:
    """Do the same where all are known: in one go, since each call asks for it."""
    healths = group.healths
    alike_s = min(map(_AVERAGE_S, healths)) * ALIKE
    each = zip(healths, group.parts)  # noqa: B905 - as long as one another; this is hot
    return [
        (health.average_s if health.average_s > alike_s else alike_s)  # noqa: FURB136 - it is hot
        + health.outstanding * part
        for health, part in each
    ]


def known_until(group: Group) -> float:
    """Return until when all are known if none is heard meanwhile, in monotonic seconds."""
    return min([each.heard_at for each in group.healths]) + FRESH_S


def unknown_first(marks: list[float], group: Group, places: Places, now: float) -> None:
    """Mark one as the first whose latency is not known and that nobody asks now, if any is."""
    oldest = now - FRESH_S
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
