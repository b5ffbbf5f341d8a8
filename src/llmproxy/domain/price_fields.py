"""`costs` of a document, field by field: figures become whole numbers or problems."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from llmproxy.domain.fields import json_kind
from llmproxy.domain.problem import Problem

NANO: Final = 1_000_000_000
MAX_TIERS: Final = 8
TIERS: Final = "tiers"
ABOVE: Final = "above_input_tokens"
_MAX_CONTEXT: Final = 10**9
_DEAREST: Final = 10**9
"""Of any currency, for a million tokens, one image or one second: no price comes near, and it
bounds the arithmetic."""
_CURRENCY_LETTERS: Final = 3
_DEFAULT_CURRENCY: Final = "USD"
_TWINS: Final = "`input` and `output` are per 1K tokens, `…_1Mtokens` per 1M: keep one of them"


def money(nano: int) -> str:
    """Return nano-units as the shortest exact decimal."""
    return f"{(Decimal(nano) / NANO).normalize():f}"


class CostField(NamedTuple):
    """What a field prices, and the factor that makes it a price per million units.

    A unit is a token, a character, an image, or a millisecond of sound.
    """

    dimension: str
    factor: int
    most: int = _DEAREST


COST_FIELDS: Final[Mapping[str, CostField]] = {
    "input": CostField("input", 1000, _DEAREST // 1000),
    "output": CostField("output", 1000, _DEAREST // 1000),
    "cost_input_1Mtokens": CostField("input", 1),
    "cost_output_1Mtokens": CostField("output", 1),
    "cost_cached_input_1Mtokens": CostField("cache_read", 1),
    "cost_cache_write_1Mtokens": CostField("cache_write", 1),
    "cost_cache_write_1h_1Mtokens": CostField("cache_write_1h", 1),
    "cost_reasoning_1Mtokens": CostField("reasoning", 1),
    "cost_audio_input_1Mtokens": CostField("audio_input", 1),
    "cost_audio_output_1Mtokens": CostField("audio_output", 1),
    "cost_image_input_1Mtokens": CostField("image_input", 1),
    "cost_image_output_1Mtokens": CostField("image_output", 1),
    "cost_image": CostField("image", 1_000_000),
    "cost_1Mcharacters": CostField("character", 1),
    "cost_audio_second": CostField("audio_ms", 1000),
}
"""By the document's word for it."""

FIELD_OF: Final[Mapping[str, str]] = {
    field.dimension: name for name, field in COST_FIELDS.items() if name.startswith("cost_")
}
"""The document's word per million for each dimension."""

Nano = dict[str, int]
"""Nano-units of the currency per million units, by dimension; what is not given is not in it."""


class ReadCosts(NamedTuple):
    """All that `costs` says. A tier holds what it gives itself, above so many input tokens."""

    currency: str
    nano: Nano
    tiers: tuple[tuple[int, Nano], ...]


def read_costs(costs: Mapping[str, object], problems: list[Problem]) -> ReadCosts:
    """Read every field in either spelling; what is wrong is added to `problems`."""
    currency = _currency(costs.get("currency"), problems)
    nano = _nano_prices(costs, "costs", problems)
    return ReadCosts(currency, nano, tuple(_tiers(costs.get(TIERS), problems)))


def _currency(value: object, problems: list[Problem]) -> str:
    if value is None:
        return _DEFAULT_CURRENCY
    known = isinstance(value, str) and value.isascii() and value.isalpha() and value.isupper()
    if not known or len(str(value)) != _CURRENCY_LETTERS:
        problems.append(
            Problem("costs.currency", "must be a currency code of three capitals", "such as USD")
        )
    return str(value)


def _nano_prices(costs: Mapping[str, object], path: str, problems: list[Problem]) -> Nano:
    nano: Nano = {}
    said_by: dict[str, str] = {}
    for name, (dimension, factor, most) in COST_FIELDS.items():
        value = costs.get(name)
        if value is None:
            continue
        price = _nano_per_million(value, factor, most)
        if isinstance(price, str):
            problems.append(Problem(f"{path}.{name}", price))
        elif nano.setdefault(dimension, price) != price:
            problems.append(
                Problem(f"{path}.{name}", f"contradicts {path}.{said_by[dimension]}", _TWINS)
            )
        said_by.setdefault(dimension, name)
    return nano


def _nano_per_million(value: object, factor: int, most: int) -> int | str:
    """Return the price in nano-units per million units, or what is wrong with it.

    The shortest decimal that names a float is the one that was written: `str` finds it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "must be a number without quotes"
    price = Decimal(str(value) if isinstance(value, float) else value)
    if not price.is_finite():
        return "must be a finite number"
    if price < 0:
        return "must not be negative"
    if price > most:
        return "is beyond all reason"
    return int((price * factor * NANO).to_integral_value(ROUND_HALF_UP))


def _tiers(value: object, problems: list[Problem]) -> list[tuple[int, Nano]]:
    """Return the good ones of the tiers, which must ascend."""
    path = f"costs.{TIERS}"
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(each, Mapping) for each in value):
        problems.append(Problem(path, f"must be an array of objects, not {json_kind(value)}"))
        return []
    if len(value) > MAX_TIERS:
        problems.append(Problem(path, f"must be at most {MAX_TIERS}"))
        return []
    tiers: list[tuple[int, Nano]] = []
    for index, each in enumerate(value):
        place = f"{path}[{index}]"
        above = _above(each.get(ABOVE), place, problems)
        nano = _nano_prices(each, place, problems)
        if not nano and not any(each.get(name) is not None for name in COST_FIELDS):
            problems.append(Problem(place, "has no price", "give what differs above it"))
        if above is None:
            continue
        if tiers and above <= tiers[-1][0]:
            problems.append(Problem(f"{place}.{ABOVE}", "must be more than in the tier before"))
        tiers.append((above, nano))
    return tiers


def _above(value: object, place: str, problems: list[Problem]) -> int | None:
    if type(value) is int and 0 < value <= _MAX_CONTEXT:
        return value
    message = "is required" if value is None else "must be a whole number of tokens, 1 or more"
    problems.append(Problem(f"{place}.{ABOVE}", message))
    return None
