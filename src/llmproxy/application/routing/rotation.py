"""Whose turn it is: each as often as its weight says, and evenly mixed.

The order of one turn is who comes first, then all others. When the first fails, its calls should
not all fall on one of the others: so who comes second changes from turn to turn, by weight too.

Turns are worked out when they are needed and kept for the next time round.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, cycle
from math import gcd, lcm
from typing import Final, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

MAX_CYCLE: Final = 1024
"""Turns until all begins again. Weights that need more are taken as the nearest shares of this."""
MAX_SECONDS: Final = 16
"""Different orders of the others behind the same first."""


def shares(weights: Sequence[float]) -> list[int]:
    """Return in how many turns of a cycle each comes first, at least 1: in the ratio of weights.

    Exact as the weights are written, unless that takes more than `MAX_CYCLE` turns.
    """
    exact = [Fraction(repr(weight)) for weight in weights]
    unit = lcm(*[each.denominator for each in exact])
    whole = [int(each * unit) for each in exact]
    divisor = gcd(*whole)
    whole = [each // divisor for each in whole]
    total = sum(whole)
    if total <= max(MAX_CYCLE, len(whole)):
        return whole
    near = [max(each * MAX_CYCLE // total, 1) for each in whole]
    rests = [each * MAX_CYCLE % total if each * MAX_CYCLE >= total else 0 for each in whole]
    by_rest = sorted(range(len(whole)), key=rests.__getitem__, reverse=True)
    for place in by_rest[: max(MAX_CYCLE - sum(near), 0)]:
        near[place] += 1
    return near


def smooth(numbers: Sequence[int]) -> Iterator[int]:
    """Yield one cycle of places: each as often as its number says, as evenly as can be.

    Each gains its number in every step; who has most is next, and pays for all. The algorithm is
    nginx's (src/http/ngx_http_upstream_round_robin.c, "smooth weighted round-robin").
    """
    total = sum(numbers)
    gained = [0] * len(numbers)
    for _ in range(total):
        best = 0
        for place, number in enumerate(numbers):
            gained[place] += number
            if gained[place] > gained[best]:
                best = place
        gained[best] -= total
        yield best


def orders(
    items: Sequence[Item], weights: Sequence[float], made: Callable[[tuple[Item, ...]], Made]
) -> Iterator[Made]:
    """Yield what is made of the items in the order of each turn, without end."""
    numbers = shares(weights)
    behind = [
        cycle(made(tuple([items[at] for at in places])) for places in _behind(first, numbers))
        for first in range(len(numbers))
    ]
    return map(next, cycle(map(behind.__getitem__, smooth(numbers))))


def _behind(first: int, numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield orders that begin with this place: each other is second as often as its number says."""
    others = [place for place in range(len(numbers)) if place != first]
    turns = [others[at] for at in smooth([numbers[place] for place in others])]
    kept = min(len(turns), MAX_SECONDS) or 1
    for number in range(kept):
        start = number * len(turns) // kept
        yield (first, *dict.fromkeys(chain(turns[start:], turns[:start])))
