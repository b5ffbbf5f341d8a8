"""A document's `costs` become a `Price`, or all that is wrong with them."""

from collections.abc import Mapping

from llmproxy.domain.price_fields import Nano, read_costs
from llmproxy.domain.pricing import Price, Tier
from llmproxy.domain.problem import Problem


class PriceError(ValueError):
    """The `costs` of a document cannot be read; `problems` names every field at fault."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


def price_from_costs(costs: Mapping[str, object], *, free: bool) -> Price | None:
    """Read a document's `costs` in either spelling; None when it names no price and is not free.

    `input` / `output` are per 1K tokens, `cost_…_1Mtokens` per 1M, all in `currency` (USD if
    absent). Unknown fields are passed over.

    Raises:
        PriceError: naming every field that is not a number, negative, beyond all reason, in
            contradiction to its twin, or a price on a model that says it is free.

    """
    problems: list[Problem] = []
    currency, nano, tiers = read_costs(costs, problems)
    if free and any(any(each.values()) for each in (nano, *(given for _, given in tiers))):
        problems.append(Problem("costs", "a free model has prices", "remove `free` or the prices"))
    if tiers and not nano:
        problems.append(Problem("costs", "has tiers and no price below them"))
    if problems:
        raise PriceError(tuple(problems))
    if not nano and not free:
        return None
    above = [Tier(least, _price(currency, {**nano, **given})) for least, given in tiers]
    return _price(currency, nano, free=free, tiers=tuple(above))


def _price(currency: str, nano: Nano, *, free: bool = False, tiers: tuple[Tier, ...] = ()) -> Price:
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
        image_input_nano_per_mtok=nano.get("image_input"),
        image_output_nano_per_mtok=nano.get("image_output"),
        cache_write_1h_nano_per_mtok=nano.get("cache_write_1h"),
        image_nano_per_million=nano.get("image"),
        character_nano_per_million=nano.get("character"),
        audio_ms_nano_per_million=nano.get("audio_ms"),
        tiers=tiers,
        unpriced=frozenset({"input", "output"} - nano.keys()),
    )
