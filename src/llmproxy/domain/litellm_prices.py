"""What LiteLLM's table of prices says of a model, in the words of a document's `costs`.

LiteLLM's prices are in USD per token, character, second or image (`litellm/types/utils.py`,
ModelInfoBase, 1.110.2); those of batches, of flex and priority processing and of tools are for
calls that this gateway does not make.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from llmproxy.domain.operation import Operation
from llmproxy.domain.price_fields import ABOVE, MAX_TIERS, TIERS

PER_TOKEN: Final[Mapping[str, str]] = {
    "input_cost_per_token": "cost_input_1Mtokens",
    "output_cost_per_token": "cost_output_1Mtokens",
    "cache_read_input_token_cost": "cost_cached_input_1Mtokens",
    "cache_creation_input_token_cost": "cost_cache_write_1Mtokens",
    "cache_creation_input_token_cost_above_1hr": "cost_cache_write_1h_1Mtokens",
    "cache_creation_input_token_cost_above_12hr": "cost_cache_write_1h_1Mtokens",
    "output_cost_per_reasoning_token": "cost_reasoning_1Mtokens",
    "input_cost_per_audio_token": "cost_audio_input_1Mtokens",
    "output_cost_per_audio_token": "cost_audio_output_1Mtokens",
    "input_cost_per_image_token": "cost_image_input_1Mtokens",
    "output_cost_per_image_token": "cost_image_output_1Mtokens",
}
PER_PIECE: Final[Mapping[str, tuple[str, int, Operation]]] = {
    "output_cost_per_image": ("cost_image", 1, Operation.IMAGES),
    "input_cost_per_image": ("cost_image", 1, Operation.IMAGES),
    "input_cost_per_character": ("cost_1Mcharacters", 1_000_000, Operation.AUDIO_TTS),
    "output_cost_per_second": ("cost_audio_second", 1, Operation.AUDIO_TTS),
    "input_cost_per_second": ("cost_audio_second", 1, Operation.AUDIO_STT),
}
"""LiteLLM's field, ours, the factor between them, and for what; the first that is given counts.

The same fields price other things elsewhere: images that are read, videos, embeddings."""
_MODES: Final = {
    "image_generation": Operation.IMAGES,
    "image_edit": Operation.IMAGES,
    "audio_speech": Operation.AUDIO_TTS,
    "audio_transcription": Operation.AUDIO_STT,
}
_COUNTED: Final = {
    Operation.IMAGES: ("cost_image_output_1Mtokens", "cost_output_1Mtokens"),
    Operation.AUDIO_TTS: ("cost_audio_output_1Mtokens", "cost_output_1Mtokens"),
    Operation.AUDIO_STT: ("cost_audio_input_1Mtokens", "cost_input_1Mtokens"),
}
"""Prices of tokens beside which the table's price of a piece is only about what they come to."""
TIER: Final = re.compile(r"(?P<field>[a-z_0-9]+)_above_(?P<thousands>[0-9]{1,7})k_tokens")
_MILLION: Final = 1_000_000


def costs_from(entry: Mapping[str, object]) -> dict[str, object] | None:
    """Return `costs` for an entry of the table; None when it has no price above zero."""
    costs = _per_token(entry)
    operation = _MODES.get(str(entry.get("mode")))
    if operation is not None and not any(costs.get(name) for name in _COUNTED[operation]):
        costs |= dict(_pieces(entry, operation))
    if not any(costs.values()):
        return None
    tiers = _tiers(entry)
    return {
        "currency": "USD",
        **{name: plain(price) for name, price in costs.items()},
        **({TIERS: tiers} if tiers else {}),
    }


def _per_token(entry: Mapping[str, object]) -> dict[str, Decimal]:
    return {
        ours: price * _MILLION
        for theirs, ours in PER_TOKEN.items()
        if (price := price_in(entry.get(theirs))) is not None
    }


def _pieces(entry: Mapping[str, object], wanted: Operation) -> Iterator[tuple[str, Decimal]]:
    for theirs, (ours, factor, operation) in PER_PIECE.items():
        price = price_in(entry.get(theirs)) if operation is wanted else None
        if price:
            yield ours, price * factor
            return


def _tiers(entry: Mapping[str, object]) -> list[dict[str, object]]:
    found: dict[int, dict[str, Decimal]] = {}
    for name, value in entry.items():
        matched = TIER.fullmatch(name)
        ours = None if matched is None else PER_TOKEN.get(matched["field"])
        price = price_in(value)
        if matched is not None and ours is not None and price is not None:
            above = int(matched["thousands"]) * 1000
            found.setdefault(above, {})[ours] = price * _MILLION
    return [
        {ABOVE: above, **{name: plain(price) for name, price in found[above].items()}}
        for above in sorted(found)[:MAX_TIERS]
        if above > 0
    ]


def price_in(value: object) -> Decimal | None:
    """Read a number, or a text such as `3e-06`, which YAML 1.1 does not take for a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None


def plain(price: Decimal) -> int | float:
    """Return a price as a document writes it."""
    return int(price) if price == price.to_integral_value() else float(price)
