"""Second thoughts about a price that can be read: whether it is whole and looks meant."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from llmproxy.domain.operation import Operation
from llmproxy.domain.pricing import COST_FIELDS, Price
from llmproxy.domain.problem import Problem

_TEXT_OUT: Final = frozenset(
    {Operation.CHAT_COMPLETION, Operation.RESPONSES, Operation.AUDIO_REALTIME}
)
_TEXT_IN: Final = _TEXT_OUT | {Operation.EMBEDDINGS}

_CHEAPEST_PER_MTOK: Final = {"input": Decimal("0.01"), "output": Decimal("0.10")}
"""USD. Below these no vendor lists a model (2026-11); per-1K prices of dear models lie there."""

_DEAREST_PER_1K: Final = Decimal(1)
"""USD per 1K tokens, 1,000 per 1M: above it no vendor lists a model; per-1M prices lie there."""


def needed_prices(
    costs: Mapping[str, object], operations: frozenset[Operation]
) -> Iterator[Problem]:
    """Yield a problem for a direction that the operations use and the costs leave out.

    A forgotten output price would book every answer at nothing.
    """
    priced = {
        COST_FIELDS[name][0] for name in costs if name in COST_FIELDS and costs[name] is not None
    }
    for direction, users in (("input", _TEXT_IN), ("output", _TEXT_OUT)):
        if direction not in priced and not users.isdisjoint(operations):
            yield Problem(
                f"costs.{direction}", "is required beside the other price", "0 if it is free"
            )


def review_price(costs: Mapping[str, object], price: Price | None) -> Iterator[Problem]:
    """Yield what is probably not meant: unknown fields, a figure of the other unit, zero."""
    for name in costs:
        if name not in COST_FIELDS and name != "currency":
            yield Problem(f"costs.{name}", "is not known and not used")
    if price is None or price.free:
        return
    if not price.input_nano_per_mtok and not price.output_nano_per_mtok:
        yield Problem("costs", "all prices are zero", 'say "free": true if that is meant')
    if price.currency == "USD":
        yield from _other_unit(costs)


def _other_unit(costs: Mapping[str, object]) -> Iterator[Problem]:
    for name, (dimension, factor) in COST_FIELDS.items():
        if (value := costs.get(name)) is None:
            continue
        figure = Decimal(str(value))
        if factor == 1 and 0 < figure < _CHEAPEST_PER_MTOK.get(dimension, 0):
            yield Problem(
                f"costs.{name}",
                f"{value} USD per 1M tokens is very little: it looks like a price per 1K tokens",
                f"use costs.{dimension} for prices per 1K",
            )
        elif factor > 1 and figure > _DEAREST_PER_1K:
            yield Problem(
                f"costs.{name}",
                f"{value} USD per 1K tokens is very much: it looks like a price per 1M tokens",
                f"use costs.cost_{dimension}_1Mtokens for prices per 1M",
            )
