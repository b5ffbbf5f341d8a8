"""Who of the deployments of one priority is asked first, where that is not a matter of turns.

What is here marks the deployments in the order of a turn: the least mark is asked first, and those
with the same stay in turn.
"""

from collections.abc import Callable
from operator import attrgetter, mul
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
_OUTSTANDING: Final = attrgetter("outstanding")
_AVERAGE_S: Final = attrgetter("average_s")
_HEARD_AT: Final = attrgetter("heard_at")
"""Read from all of a line-up by `map`: every call asks for them, and a loop takes twice as long."""
_LAST: Final = float("inf")
_FIRST: Final = -_LAST
_FAR: Final = 1e9
"""Takes marks that count calls below all that count seconds."""
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


class Lineup(NamedTuple):
    """Seats of one priority in the order of a turn, by columns.

    `parts` are the inverse of the weights: how much a call is of a deployment's share; None where
    they are all the same.
    """

    plan: Plan
    healths: tuple[Health, ...]
    parts: tuple[float, ...] | None


Ranking = Callable[[Lineup, float], list[float]]
"""Marks a line-up, at this monotonic time."""


def seat_of(deployment: Deployment, health: Health) -> Seat:
    """Return the seat of a deployment."""
    model = deployment.model
    return Seat(deployment, health, model.weight, seed_of(model.id))


def lineup_of(seats: Seats) -> Lineup:
    """Return the columns of seats."""
    parts = tuple([1 / seat.weight for seat in seats])
    return Lineup(
        tuple([seat.deployment for seat in seats]),
        tuple([seat.health for seat in seats]),
        None if len(set(parts)) == 1 else parts,
    )


def by_outstanding(lineup: Lineup, now: float) -> list[float]:
    """Mark each by its calls under way for its weight."""
    del now
    loads = map(_OUTSTANDING, lineup.healths)
    return list(loads if lineup.parts is None else map(mul, loads, lineup.parts))


def by_latency(lineup: Lineup, now: float) -> list[float]:
    """Mark each by how soon its answers begin, unknown ones last.

    Of those that are alike the one with the fewest calls under way for its weight is the best.
    """
    oldest = now - FRESH_S
    healths = lineup.healths
    if min(map(_HEARD_AT, healths)) > oldest:
        marks = list(map(_AVERAGE_S, healths))
    else:
        marks = [each.average_s if each.heard_at > oldest else _LAST for each in healths]
    alike_s = min(marks) * ALIKE
    loads = by_outstanding(lineup, now)
    if max(marks) <= alike_s:
        return loads
    pairs = zip(marks, loads, strict=True)
    return [load - _FAR if mark <= alike_s else mark for mark, load in pairs]


def unknown_first(marks: list[float], lineup: Lineup, now: float) -> None:
    """Mark one as the first whose latency is not known and that nobody asks now, if any is."""
    oldest = now - FRESH_S
    for place, health in enumerate(lineup.healths):
        if health.heard_at <= oldest and not health.outstanding:
            marks[place] = _FIRST
            return


RANKINGS: Final[dict[Strategy, Ranking]] = {
    Strategy.LEAST_OUTSTANDING: by_outstanding,
    Strategy.LOWEST_LATENCY: by_latency,
}
"""Of the strategies that look at how deployments are doing; the others are turns."""


def ranked(plan: Plan, marks: list[float]) -> Plan:
    """Return a plan in the order of its marks: itself, where it is in their order."""
    if sorted(marks) == marks:
        return plan
    return tuple([plan[place] for place in sorted(range(len(marks)), key=marks.__getitem__)])


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
