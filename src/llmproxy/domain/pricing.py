"""Prices and costs, in whole numbers only.

A price is kept as nano-units of its currency per million units of what it prices: tokens,
characters, images, milliseconds of sound (0.03 USD per 1K tokens = 30 USD per 1M = 30,000,000,000).
Costs are nano-units of the currency. Nothing here is a binary float.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import mul
from typing import Final, NamedTuple

from llmproxy.domain.operation import Operation
from llmproxy.domain.price_fields import FIELD_OF, NANO
from llmproxy.domain.usage import TOKEN_COUNTS, Usage

__all__ = ["DIMENSIONS", "IMAGE_OUTPUT_TOKENS", "NANO", "NEEDS", "UNPRICED", "Price", "Tier"]

_MILLION: Final = 1_000_000
_HALF: Final = 500_000

DIMENSIONS: Final = (
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
    "cache_write_1h",
    "image",
    "character",
    "audio_ms",
)
"""What has a price, in the order of the counts of `Usage`."""

_TEXT: Final = (("input",), ("output",))
NEEDS: Final[Mapping[Operation, tuple[tuple[str, ...], ...]]] = {
    Operation.CHAT_COMPLETION: _TEXT,
    Operation.RESPONSES: _TEXT,
    Operation.AUDIO_REALTIME: _TEXT,
    Operation.EMBEDDINGS: (("input",),),
    Operation.IMAGES: (("image", "image_output", "output"),),
    Operation.AUDIO_TTS: (("character", "audio_ms", "audio_output", "output"),),
    Operation.AUDIO_STT: (("audio_ms", "audio_input", "input"),),
    Operation.MODERATIONS: (),
}
"""What must have a price for an operation: of each group one. Moderations are free at OpenAI."""

IMAGE_OUTPUT_TOKENS: Final = 1056
"""What an image is taken to cost in tokens when a provider tells none and they are all that has a
price: an image of 1024x1024 in medium quality with gpt-image-1 (OpenAI's image generation guide).
"""


class Tier(NamedTuple):
    """The whole price of a call whose input is more than `above_input_tokens`, cached or not.

    Input and output alike, from the first token on: so bill those who have prices for long
    contexts. Google (Agent Platform pricing, Gemini), Anthropic (Pricing, "Long context pricing",
    where cache reads and writes count as input too), OpenAI (Pricing, prompts of more than 272K
    tokens).
    """

    above_input_tokens: int
    price: "Price"


class _Most(NamedTuple):
    """The dearest price of a token in and out; and that of a unit of the rest."""

    above: int
    into: int
    out: int
    image: int
    character: int
    audio_ms: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in nano-units of `currency` per million units.

    An absent dimension costs what the plain one costs: cache reads, cache writes, audio and image
    input as input; reasoning, audio and image output as output; writes for an hour as cache writes.
    Images, characters and sound by the second cost nothing unless they have a price.

    `unpriced` are those of `input` and `output` that the document leaves out: they are 0 then, and
    what needs them is refused. `tiers` ascend.
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
    image_input_nano_per_mtok: int | None = None
    image_output_nano_per_mtok: int | None = None
    cache_write_1h_nano_per_mtok: int | None = None
    image_nano_per_million: int | None = None
    character_nano_per_million: int | None = None
    audio_ms_nano_per_million: int | None = None
    tiers: tuple[Tier, ...] = ()
    unpriced: frozenset[str] = frozenset()
    _rates: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _most: tuple[_Most, ...] = field(init=False, repr=False, compare=False)
    _missing: Mapping[Operation, str] = field(init=False, repr=False, compare=False)
    _ways: tuple[bool, bool, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Settle the absent dimensions once, so that pricing a call only multiplies."""
        rates = self._settled()
        object.__setattr__(self, "_rates", rates)
        object.__setattr__(self, "_missing", {} if self.free else self._lacks())
        ways = (any(rates[:TOKEN_COUNTS]), bool(rates[TOKEN_COUNTS]), bool(rates[-1]))
        object.__setattr__(self, "_ways", ways)
        steps = [_most(0, rates)]
        for above, price in self.tiers:
            tier = _most(above, price._rates)  # noqa: SLF001 - of the same class
            steps.append(_Most(above, *map(max, tier[1:], steps[-1][1:])))
        object.__setattr__(self, "_most", tuple(reversed(steps)))

    def _settled(self) -> tuple[int, ...]:
        into, out = self.input_nano_per_mtok, self.output_nano_per_mtok
        write = _or(self.cache_write_nano_per_mtok, into)
        return (
            into,
            _or(self.cache_read_nano_per_mtok, into),
            write,
            out,
            _or(self.reasoning_nano_per_mtok, out),
            _or(self.audio_input_nano_per_mtok, into),
            _or(self.audio_output_nano_per_mtok, out),
            _or(self.image_input_nano_per_mtok, into),
            _or(self.image_output_nano_per_mtok, out),
            _or(self.cache_write_1h_nano_per_mtok, write),
            _or(self.image_nano_per_million, 0),
            _or(self.character_nano_per_million, 0),
            _or(self.audio_ms_nano_per_million, 0),
        )

    def _lacks(self) -> dict[Operation, str]:
        given = {
            "input": None if "input" in self.unpriced else 0,
            "output": None if "output" in self.unpriced else 0,
            "audio_input": self.audio_input_nano_per_mtok,
            "audio_output": self.audio_output_nano_per_mtok,
            "image_output": self.image_output_nano_per_mtok,
            "image": self.image_nano_per_million,
            "character": self.character_nano_per_million,
            "audio_ms": self.audio_ms_nano_per_million,
        }
        lacks: dict[Operation, str] = {}
        for operation, groups in NEEDS.items():
            for group in groups:
                if all(given[dimension] is None for dimension in group):
                    lacks.setdefault(operation, f"costs.{FIELD_OF[group[0]]}")
        return lacks

    def missing_for(self, operation: Operation) -> str | None:
        """Return the document's field that calls of this operation need and the costs leave out.

        None when nothing is missing.
        """
        return self._missing.get(operation)

    def cost_nano(self, usage: Usage) -> int:
        """Cost of a call in nano-units: the exact sum, rounded half up once at the end."""
        price = self._for(usage.total_input_tokens) if self.tiers else self
        total: int = sum(map(mul, usage, price._rates))  # noqa: SLF001 - of the same class
        return (total + _HALF) // _MILLION

    def input_cost_nano(self, tokens: int) -> int:
        """Cost of so much plain input alone, in nano-units."""
        return (tokens * self._for(tokens).input_nano_per_mtok + _HALF) // _MILLION

    def _for(self, input_tokens: int) -> "Price":
        """Return the price of a call with so much input."""
        price = self
        for tier in self.tiers:
            if input_tokens > tier.above_input_tokens:
                price = tier.price
        return price

    def upper_bound_nano(
        self,
        prompt_bytes: int,
        output_tokens: int,
        *,
        images: int = 0,
        characters: int = 0,
        audio_ms: int = 0,
    ) -> int:
        """Bound the cost of a call from above, at the dearest price that such a call may have.

        `prompt_bytes` is the UTF-8 length of the prompt: a token is at least one byte long.
        """
        steps = self._most
        step = steps[0]
        if len(steps) > 1:
            step = next((each for each in steps if prompt_bytes > each.above), steps[-1])
        total = prompt_bytes * step.into + output_tokens * step.out
        if images or characters or audio_ms:
            total += images * step.image + characters * step.character + audio_ms * step.audio_ms
        return -(-total // _MILLION)

    def completed(self, usage: Usage, counted: Usage | None) -> Usage:
        """Fill in what has a price here and was not told, from what the gateway counted itself.

        Characters are counted exactly, since no provider tells them. A price per second that meets
        tokens, or the other way round, is applied to an estimate, and so is a price of tokens that
        meets images alone; what is filled in so is marked. Nothing stays nothing.
        """
        if counted is None or not any(usage):
            return usage
        if counted.characters:
            usage = usage._replace(characters=counted.characters)
        by_token, by_image, by_time = self._ways
        filled: dict[str, int] = {}
        if by_time and not by_token:
            if not usage.audio_ms:
                filled["audio_ms"] = counted.audio_ms
        elif by_token and not (usage.total_input_tokens or usage.total_output_tokens):
            if usage.images and not by_image:
                filled["image_output_tokens"] = usage.images * IMAGE_OUTPUT_TOKENS
            elif counted.audio_ms and not by_time:
                per_ms = counted.audio_input_tokens
                filled["audio_input_tokens"] = -(-per_ms * usage.audio_ms // counted.audio_ms)
        return usage._replace(**filled, estimated=True) if any(filled.values()) else usage

    def calculate_cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Exact cost of plain input and output tokens in units of the currency, not rounded."""
        price = self._for(input_tokens)
        total = (
            input_tokens * price.input_nano_per_mtok + output_tokens * price.output_nano_per_mtok
        )
        return Decimal(total) / (_MILLION * NANO)


def _or(price: int | None, fallback: int) -> int:
    return fallback if price is None else price


def _most(above: int, rates: tuple[int, ...]) -> _Most:
    priced = dict(zip(DIMENSIONS, rates, strict=True))
    out = [priced[name] for name in ("output", "reasoning", "audio_output", "image_output")]
    into = [
        priced[name]
        for name in (
            "input",
            "cache_read",
            "cache_write",
            "cache_write_1h",
            "audio_input",
            "image_input",
        )
    ]
    rest = [priced[name] for name in ("image", "character", "audio_ms")]
    return _Most(above, max(into), max(out), *rest)


UNPRICED: Final = Price("", 0, 0, unpriced=frozenset({"input", "output"}))
"""What a document without any price has: it knows which field each operation would need."""
