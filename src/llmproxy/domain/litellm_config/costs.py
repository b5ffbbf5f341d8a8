"""Prices: LiteLLM's are per token or character, a document's per million of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from llmproxy.domain.litellm_config.remarks import Remarks
from llmproxy.domain.litellm_prices import PER_PIECE, PER_TOKEN, TIER, plain, price_in
from llmproxy.domain.price_fields import ABOVE, FIELD_OF, TIERS
from llmproxy.domain.price_review import NEED_TEXT

_MILLION: Final = 1_000_000


def is_price(name: str) -> bool:
    """Whether a field of LiteLLM's is a price."""
    return "cost" in name.split("_") or name == "tiered_pricing"


def costs_of(
    prices: Mapping[str, tuple[str, object]], operations: list[str], place: str, remarks: Remarks
) -> dict[str, object]:
    """Return `costs` or `free` of a document; `prices` has the place and the value by name."""
    read: dict[str, Decimal] = {}
    tiers: dict[int, dict[str, Decimal]] = {}
    for name, (where, value) in prices.items():
        above, field, factor = _field(name, operations)
        price = price_in(value)
        if field is None:
            remarks.left_out(where, "there is no word for this price here")
        elif price is None:
            remarks.to_do(where, "is no price that can be read: write `costs` by hand")
        elif above:
            tiers.setdefault(above, {})[field] = price * factor
        else:
            read.setdefault(field, price * factor)
    if not read:
        remarks.to_do(
            place,
            "has no price: LiteLLM would use its own price list. Calls are refused until"
            ' the document has `costs` or "free": true',
        )
        return {}
    if not any(read.values()) and not tiers:
        return {"free": True}
    _complete(read, operations, place, remarks)
    costs: dict[str, object] = {"currency": "USD", **_all_plain(read)}
    if tiers:
        costs[TIERS] = [{ABOVE: above, **_all_plain(tiers[above])} for above in sorted(tiers)]
    return {"costs": costs}


def _field(name: str, operations: list[str]) -> tuple[int, str | None, int]:
    """Return above how many input tokens a price holds, its field here, and the factor to it."""
    tier = TIER.fullmatch(name)
    if tier is not None:
        return int(tier["thousands"]) * 1000, PER_TOKEN.get(tier["field"]), _MILLION
    if name in PER_TOKEN:
        return 0, PER_TOKEN[name], _MILLION
    field, factor, operation = PER_PIECE.get(name, (None, 1, None))
    return 0, field if operation in operations else None, factor


def _all_plain(prices: Mapping[str, Decimal]) -> dict[str, object]:
    return {name: plain(price) for name, price in prices.items()}


def _complete(
    read: dict[str, Decimal], operations: list[str], place: str, remarks: Remarks
) -> None:
    for direction, users in NEED_TEXT.items():
        name = FIELD_OF[direction]
        if name not in read and not users.isdisjoint(operations):
            read[name] = Decimal(0)
            remarks.changed(place, f"{name} is 0: no price is given, which LiteLLM counts so")
