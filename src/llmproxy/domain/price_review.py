"""Second thoughts about a price that can be read: whether it is whole and looks meant."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from llmproxy.domain.operation import Operation
from llmproxy.domain.price_fields import ABOVE, COST_FIELDS, TIERS
from llmproxy.domain.pricing import NEEDS, Price
from llmproxy.domain.problem import Problem

NEED_TEXT: Final[Mapping[str, frozenset[Operation]]] = {
    direction: frozenset(name for name, groups in NEEDS.items() if (direction,) in groups)
    for direction in ("input", "output")
}
"""The operations that need a price of plain input, and of plain output, whatever else has one."""

_CHEAPEST_PER_MTOK: Final = {"input": Decimal("0.01"), "output": Decimal("0.10")}
"""USD. Below these no vendor lists a model (2026-11); per-1K prices of dear models lie there."""

_DEAREST_PER_1K: Final = Decimal(1)
"""USD per 1K tokens, 1,000 per 1M: above it no vendor lists a model; per-1M prices lie there."""

_TWICE: Final = (
    ("cost_image", "cost_image_output_1Mtokens", Operation.IMAGES),
    ("cost_1Mcharacters", "cost_audio_output_1Mtokens", Operation.AUDIO_TTS),
    ("cost_1Mcharacters", "cost_audio_second", Operation.AUDIO_TTS),
    ("cost_audio_second", "cost_audio_output_1Mtokens", Operation.AUDIO_TTS),
    ("cost_audio_second", "cost_audio_input_1Mtokens", Operation.AUDIO_STT),
)
"""Two prices of one thing: no vendor lists both for a call."""


def needed_prices(
    costs: Mapping[str, object], operations: frozenset[Operation]
) -> Iterator[Problem]:
    """Yield a problem for a direction that the operations use and the costs leave out.

    A forgotten output price would book every answer at nothing.
    """
    priced = {field.dimension for name, field in COST_FIELDS.items() if costs.get(name) is not None}
    for direction, users in NEED_TEXT.items():
        if direction not in priced and not users.isdisjoint(operations):
            yield Problem(
                f"costs.{direction}", "is required beside the other price", "0 if it is free"
            )


def _unpriced_operations(price: Price, operations: frozenset[Operation]) -> Iterator[Problem]:
    """Yield a warning for each operation that is offered and refused, since its price is missing.

    Only images and sound: what texts need is required of the document (`needed_prices`).
    """
    for operation in sorted(operations - NEED_TEXT["input"]):
        missing = price.missing_for(operation)
        if missing is not None:
            yield Problem(
                missing,
                f"is needed by {operation.value}, which is refused without a price (402)",
                "0 if it is free",
            )


def review_price(
    costs: Mapping[str, object],
    price: Price | None,
    operations: frozenset[Operation],
) -> Iterator[Problem]:
    """Yield what is probably not meant: unknown fields, a figure of the other unit, zero."""
    yield from _unknown(costs)
    if price is None or price.free:
        return
    if not any(costs.get(name) for name in COST_FIELDS) and not price.tiers:
        yield Problem("costs", "all prices are zero", 'say "free": true if that is meant')
    yield from _unpriced_operations(price, operations)
    for one, other, operation in _TWICE:
        if operation in operations and costs.get(one) and costs.get(other):
            yield Problem(f"costs.{one}", f"is charged on top of costs.{other}", "keep one of them")
    if price.currency == "USD":
        yield from _other_unit(costs)


def _unknown(costs: Mapping[str, object]) -> Iterator[Problem]:
    for name in costs:
        if name not in COST_FIELDS and name not in {"currency", TIERS}:
            yield Problem(f"costs.{name}", "is not known and not used")
    tiers = costs.get(TIERS)
    for index, tier in enumerate(tiers if isinstance(tiers, list | tuple) else ()):
        for name in tier if isinstance(tier, Mapping) else ():
            if name not in COST_FIELDS and name != ABOVE:
                yield Problem(f"costs.{TIERS}[{index}].{name}", "is not known and not used")


def _other_unit(costs: Mapping[str, object]) -> Iterator[Problem]:
    for name, (dimension, factor, _) in COST_FIELDS.items():
        if (value := costs.get(name)) is None or dimension not in _CHEAPEST_PER_MTOK:
            continue
        figure = Decimal(str(value))
        if factor == 1 and 0 < figure < _CHEAPEST_PER_MTOK[dimension]:
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
