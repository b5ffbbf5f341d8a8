"""Prices and costs, in whole numbers only.

A price is kept as nano-units of its currency per million tokens (0.03 USD per 1K tokens = 30 USD
per 1M = 30,000,000,000). Costs are nano-units of the currency. Nothing here is a binary float.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from llmproxy.domain.problem import Problem
from llmproxy.domain.usage import Usage

NANO: Final = 1_000_000_000
_MTOK: Final = 1_000_000
_HALF_MTOK: Final = 500_000
_MAX_PER_MTOK: Final = Decimal(NANO)
"""A thousand million per million tokens: no price comes near, and it bounds the arithmetic."""

_CURRENCY_LETTERS: Final = 3
_DEFAULT_CURRENCY: Final = "USD"

COST_FIELDS: Final[Mapping[str, tuple[str, int]]] = {
    "input": ("input", 1000),
    "output": ("output", 1000),
    "cost_input_1Mtokens": ("input", 1),
    "cost_output_1Mtokens": ("output", 1),
    "cost_cached_input_1Mtokens": ("cache_read", 1),
    "cost_cache_write_1Mtokens": ("cache_write", 1),
    "cost_reasoning_1Mtokens": ("reasoning", 1),
    "cost_audio_input_1Mtokens": ("audio_input", 1),
    "cost_audio_output_1Mtokens": ("audio_output", 1),
}
"""Document field -> (what it prices, factor that makes it a price per million tokens)."""


class PriceError(ValueError):
    """The `costs` of a document cannot be read; `problems` names every field at fault."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in nano-units of `currency` per million tokens.

    An absent dimension costs what the plain one costs: cache reads, cache writes and audio input
    as input; reasoning and audio output as output.
    """

    currency: str
    input_nano_per_mtok: int
    output_nano_per_mtok: int
    cache_read_nano_per_mtok: int | None = None
    cache_write_nano_per_mtok: int | None = None
    reasoning_nano_per_mtok: int | None = None
    audio_input_nano_per_mtok: int | None = None
    audio_output_nano_per_mtok: int | None = None
    free: bool = False
    _special: tuple[int, int, int, int, int] = field(init=False, repr=False, compare=False)
    _dearest: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Settle the absent dimensions once, so that pricing a call only multiplies."""
        into, out = self.input_nano_per_mtok, self.output_nano_per_mtok
        special = (
            _or(self.cache_read_nano_per_mtok, into),
            _or(self.cache_write_nano_per_mtok, into),
            _or(self.reasoning_nano_per_mtok, out),
            _or(self.audio_input_nano_per_mtok, into),
            _or(self.audio_output_nano_per_mtok, out),
        )
        read, write, reasoning, audio_in, audio_out = special
        dearest = (max(into, read, write, audio_in), max(out, reasoning, audio_out))
        object.__setattr__(self, "_special", special)
        object.__setattr__(self, "_dearest", dearest)

    def cost_nano(self, usage: Usage) -> int:
        """Cost of a call in nano-units: the exact sum, rounded half up once at the end."""
        tokens_in, read, write, tokens_out, reasoning, audio_in, audio_out, _, _, _, _ = usage
        total = tokens_in * self.input_nano_per_mtok + tokens_out * self.output_nano_per_mtok
        if read or write or reasoning or audio_in or audio_out:
            special = self._special
            total += (
                read * special[0]
                + write * special[1]
                + reasoning * special[2]
                + audio_in * special[3]
                + audio_out * special[4]
            )
        return (total + _HALF_MTOK) // _MTOK

    def upper_bound_nano(self, prompt_bytes: int, output_tokens: int) -> int:
        """Bound the cost of a call from above, at the dearest price of either direction.

        `prompt_bytes` is the UTF-8 length of the prompt: a token is at least one byte long.
        """
        dearest_in, dearest_out = self._dearest
        return -(-(prompt_bytes * dearest_in + output_tokens * dearest_out) // _MTOK)

    def calculate_cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Exact cost of plain input and output tokens in units of the currency, not rounded."""
        total = input_tokens * self.input_nano_per_mtok + output_tokens * self.output_nano_per_mtok
        return Decimal(total) / (_MTOK * NANO)


def _or(price: int | None, fallback: int) -> int:
    return fallback if price is None else price


def price_from_costs(costs: Mapping[str, object], *, free: bool) -> Price | None:
    """Read a document's `costs` in either spelling; None when it names no price and is not free.

    `input` / `output` are per 1K tokens, `cost_…_1Mtokens` per 1M, both in `currency` (USD if
    absent). Unknown fields are passed over.

    Raises:
        PriceError: naming every field that is not a number, negative, beyond all reason, in
            contradiction to its twin, or a price on a model that says it is free.

    """
    problems: list[Problem] = []
    currency = _currency(costs.get("currency"), problems)
    nano = _nano_prices(costs, problems)
    if free and any(nano.values()):
        problems.append(Problem("costs", "a free model has prices", "remove `free` or the prices"))
    if problems:
        raise PriceError(tuple(problems))
    if not nano and not free:
        return None
    return Price(
        currency=currency,
        input_nano_per_mtok=nano.get("input", 0),
        output_nano_per_mtok=nano.get("output", 0),
        cache_read_nano_per_mtok=nano.get("cache_read"),
        cache_write_nano_per_mtok=nano.get("cache_write"),
        reasoning_nano_per_mtok=nano.get("reasoning"),
        audio_input_nano_per_mtok=nano.get("audio_input"),
        audio_output_nano_per_mtok=nano.get("audio_output"),
        free=free,
    )


def _currency(value: object, problems: list[Problem]) -> str:
    if value is None:
        return _DEFAULT_CURRENCY
    known = isinstance(value, str) and value.isascii() and value.isalpha() and value.isupper()
    if not known or len(str(value)) != _CURRENCY_LETTERS:
        problems.append(
            Problem("costs.currency", "must be a currency code of three capitals", "such as USD")
        )
    return str(value)


def _nano_prices(costs: Mapping[str, object], problems: list[Problem]) -> dict[str, int]:
    nano: dict[str, int] = {}
    said_by: dict[str, str] = {}
    for name, (dimension, factor) in COST_FIELDS.items():
        value = costs.get(name)
        if value is None:
            continue
        price = _nano_per_mtok(value, factor)
        if isinstance(price, str):
            problems.append(Problem(f"costs.{name}", price))
        elif nano.setdefault(dimension, price) != price:
            problems.append(
                Problem(
                    f"costs.{name}",
                    f"contradicts costs.{said_by[dimension]}",
                    "`input` and `output` are per 1K tokens, `…_1Mtokens` per 1M: keep one of them",
                )
            )
        said_by.setdefault(dimension, name)
    return nano


def _nano_per_mtok(value: object, factor: int) -> int | str:
    """Return the price in nano-units per million tokens, or what is wrong with it.

    The shortest decimal that names a float is the one that was written: `str` finds it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "must be a number without quotes"
    price = Decimal(str(value) if isinstance(value, float) else value)
    if not price.is_finite():
        return "must be a finite number"
    if price < 0:
        return "must not be negative"
    if price > _MAX_PER_MTOK / factor:
        return "is beyond all reason"
    return int((price * factor * NANO).to_integral_value(ROUND_HALF_UP))
