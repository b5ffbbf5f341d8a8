"""Prices: LiteLLM's are per token, a document's per million tokens."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from llmproxy.domain.litellm_config.remarks import Remarks

_PER_TOKEN: Final[Mapping[str, str]] = {
    "input_cost_per_token": "cost_input_1Mtokens",
    "output_cost_per_token": "cost_output_1Mtokens",
    "cache_read_input_token_cost": "cost_cached_input_1Mtokens",
    "cache_creation_input_token_cost": "cost_cache_write_1Mtokens",
    "output_cost_per_reasoning_token": "cost_reasoning_1Mtokens",
    "input_cost_per_audio_token": "cost_audio_input_1Mtokens",
    "output_cost_per_audio_token": "cost_audio_output_1Mtokens",
}
_MILLION: Final = 1_000_000
_INPUT_ONLY: Final = frozenset({"embeddings", "moderations"})


def is_price(name: str) -> bool:
    """Whether a field of LiteLLM's is a price."""
    return "cost" in name.split("_") or name == "tiered_pricing"


def costs_of(
    prices: Mapping[str, tuple[str, object]], operations: list[str], place: str, remarks: Remarks
) -> dict[str, object]:
    """Return `costs` or `free` of a document; `prices` has the place and the value by name."""
    read: dict[str, Decimal] = {}
    for name, (where, value) in prices.items():
        field = _PER_TOKEN.get(name)
        price = _decimal(value)
        if field is None:
            remarks.left_out(where, "only prices per token are known here")
        elif price is None:
            remarks.to_do(where, "is no price that can be read: write `costs` by hand")
        else:
            read[field] = price
    if not read:
        remarks.to_do(
            place,
            "has no price per token: LiteLLM would use its own price list. Calls are refused until"
            ' the document has `costs` or "free": true',
        )
        return {}
    if not any(read.values()):
        return {"free": True}
    _complete(read, operations, place, remarks)
    return {"costs": {"currency": "USD"} | {name: _plain(read[name]) for name in read}}


def _complete(
    read: dict[str, Decimal], operations: list[str], place: str, remarks: Remarks
) -> None:
    needed = ["cost_input_1Mtokens"]
    if not _INPUT_ONLY.issuperset(operations):
        needed.append("cost_output_1Mtokens")
    for name in needed:
        if name not in read:
            read[name] = Decimal(0)
            remarks.changed(place, f"{name} is 0: no price is given, which LiteLLM counts so")


def _decimal(value: object) -> Decimal | None:
    """Read a number, or a text such as `3e-06`, which YAML 1.1 does not take for a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return None
    return price * _MILLION if price.is_finite() and price >= 0 else None


def _plain(price: Decimal) -> int | float:
    return int(price) if price == price.to_integral_value() else float(price)
