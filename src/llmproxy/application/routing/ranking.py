"""What stays as it is while documents do: priorities, prices, and where each key belongs."""

from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.affinity import draws, seed_of
from llmproxy.application.routing.health import Health
from llmproxy.application.routing.plan import Plan
from llmproxy.domain.pricing import Price
from llmproxy.domain.routing import Strategy
from llmproxy.domain.usage import Usage

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

    `weights` are left out where they are all the same.
    """

    plan: Plan
    seeds: tuple[int, ...]
    weights: tuple[float, ...] | None


def seat_of(deployment: Deployment, health: Health) -> Seat:
    """Return the seat of a deployment."""
    model = deployment.model
    return Seat(deployment, health, model.weight, seed_of(model.id))


def group_of(seats: Seats) -> Group:
    """Return the columns of one priority."""
    weights = tuple([seat.weight for seat in seats])
    return Group(
        tuple([seat.deployment for seat in seats]),
        tuple([seat.seed for seat in seats]),
        weights if len(set(weights)) > 1 else None,
    )


def drawn(group: Group, key: int) -> Plan:
    """Return the order of the calls that have this in common."""
    marks = draws(key, group.seeds, group.weights)
    order = sorted(range(len(marks)), key=marks.__getitem__)
    return tuple([group.plan[place] for place in order])


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
