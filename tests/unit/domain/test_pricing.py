"""Prices and costs: both spellings, exact arithmetic, and what must hold for every price."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.costs import PriceError, price_from_costs
from llmproxy.domain.price_fields import COST_FIELDS
from llmproxy.domain.pricing import Price
from llmproxy.domain.usage import Usage

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, **dict.fromkeys(Usage._fields[:-1], tokens), estimated=st.booleans())
figures = st.decimals(0, 10**4, places=6)
COSTS = [name for name in COST_FIELDS if name.startswith("cost_")]


def _costs(given: dict[str, Decimal], tiers: list[tuple[int, dict[str, Decimal]]]) -> Price:
    steps = [{"above_input_tokens": above} | prices for above, prices in tiers]
    return price(**given, tiers=steps)


some_costs = st.dictionaries(st.sampled_from(COSTS), figures, min_size=1)
some_tiers = st.lists(
    st.tuples(st.integers(1, 10**9), some_costs), max_size=8, unique_by=lambda tier: tier[0]
).map(lambda tiers: sorted(tiers, key=lambda tier: tier[0]))
prices = st.builds(_costs, some_costs, some_tiers)
flat_prices = st.builds(_costs, some_costs, st.just([]))
FIELDS = Usage._fields[:-1]


def problems(costs: dict[str, Any], *, free: bool = False) -> dict[str, str]:
    """Give what is wrong with these costs, by field."""
    with pytest.raises(PriceError) as caught:
        price_from_costs(costs, free=free)
    return {problem.field: problem.message for problem in caught.value.problems}


def price(**costs: object) -> Price:
    """Read costs that are good."""
    read = price_from_costs(costs, free=False)
    assert read is not None
    return read


def test_both_spellings_give_one_price() -> None:
    """0.03 per 1K tokens is 30 per 1M, to the nano."""
    per_1k = price(input=0.03, output=0.06)
    per_1m = price(cost_input_1Mtokens=30, cost_output_1Mtokens=60.0, currency="USD")

    assert per_1k == per_1m == price(input=0.03, output=0.06, cost_input_1Mtokens=30)
    assert (per_1k.input_nano_per_mtok, per_1k.output_nano_per_mtok) == (30 * 10**9, 60 * 10**9)
    assert not per_1k.free


def test_a_decimal_figure_is_read_as_it_is_written() -> None:
    """0.1 + 0.2 is not 0.3 in binary; a price written 0.3 is exactly 0.3."""
    assert price(cost_input_1Mtokens=0.3).input_nano_per_mtok == 300_000_000
    assert price(cost_input_1Mtokens=0.1 + 0.2).input_nano_per_mtok == 300_000_000
    assert price(input=Decimal("0.0000000000015")).input_nano_per_mtok == 2
    assert price(cost_input_1Mtokens=0.0375, input=0.0000375).input_nano_per_mtok == 37_500_000


def test_every_dimension_has_a_field() -> None:
    """Cached input, cache writes, reasoning and audio may have prices of their own."""
    read = price(
        cost_input_1Mtokens=1,
        cost_output_1Mtokens=2,
        cost_cached_input_1Mtokens=0.1,
        cost_cache_write_1Mtokens=1.25,
        cost_reasoning_1Mtokens=3,
        cost_audio_input_1Mtokens=40,
        cost_audio_output_1Mtokens=80,
        currency="BRL",
    )
    used = Usage(1, 10, 100, 1000, 10_000, 100_000, 1_000_000)

    assert read.currency == "BRL"
    # micro-units of a million: 1*1 + 10*0.1 + 100*1.25 + 1000*2 + 10000*3 + 100000*40 + 1e6*80
    assert read.cost_nano(used) == 84_032_127_000


def test_images_characters_and_seconds_have_fields() -> None:
    """What is not counted in tokens is paid by the piece."""
    read = price(
        cost_cache_write_1h_1Mtokens=6,
        cost_image_input_1Mtokens=10,
        cost_image_output_1Mtokens=40,
        cost_image=0.04,
        cost_1Mcharacters=15,
        cost_audio_second=0.0001,
    )

    assert read.cost_nano(Usage(cache_write_1h_tokens=1_000_000)) == 6 * 10**9
    assert read.cost_nano(Usage(image_input_tokens=1_000_000)) == 10 * 10**9
    assert read.cost_nano(Usage(image_output_tokens=1_000_000)) == 40 * 10**9
    assert read.cost_nano(Usage(images=3)) == 120_000_000
    assert read.cost_nano(Usage(characters=1000)) == 15_000_000
    assert read.cost_nano(Usage(audio_ms=61_500)) == 6_150_000
    assert read.cost_nano(Usage(input_tokens=10**6, output_tokens=10**6)) == 0


def test_an_absent_dimension_costs_what_the_plain_one_costs() -> None:
    """No discount and no surcharge is invented."""
    read = price(cost_input_1Mtokens=1, cost_output_1Mtokens=2)

    assert read.cost_nano(Usage(cache_read_tokens=1_000_000)) == 10**9
    assert read.cost_nano(Usage(cache_write_tokens=1_000_000)) == 10**9
    assert read.cost_nano(Usage(audio_input_tokens=1_000_000)) == 10**9
    assert read.cost_nano(Usage(reasoning_tokens=1_000_000)) == 2 * 10**9
    assert read.cost_nano(Usage(audio_output_tokens=1_000_000)) == 2 * 10**9
    assert read.cost_nano(Usage(image_input_tokens=1_000_000)) == 10**9
    assert read.cost_nano(Usage(image_output_tokens=1_000_000)) == 2 * 10**9
    assert read.cost_nano(Usage(cache_write_1h_tokens=1_000_000)) == 10**9
    dear = price(cost_input_1Mtokens=1, cost_cache_write_1Mtokens=1.25)
    assert dear.cost_nano(Usage(cache_write_1h_tokens=1_000_000)) == 1_250_000_000
    assert read.cost_nano(Usage(images=9, characters=10**6, audio_ms=10**6)) == 0


def test_a_price_of_zero_is_a_price() -> None:
    """A cache read at 0 costs 0: zero is not absent."""
    read = price(cost_input_1Mtokens=1, cost_cached_input_1Mtokens=0)

    assert read.cost_nano(Usage(cache_read_tokens=1_000_000)) == 0


def test_costs_are_rounded_half_up_once() -> None:
    """Half a nano-unit counts as one; two halves of different parts are one nano-unit together."""
    read = Price("USD", input_nano_per_mtok=500_000, output_nano_per_mtok=499_999)

    assert read.cost_nano(Usage(input_tokens=1)) == 1
    assert read.cost_nano(Usage(output_tokens=1)) == 0
    assert read.cost_nano(Usage(input_tokens=1, output_tokens=1)) == 1


def test_the_cost_of_plain_tokens_in_units() -> None:
    """The original's calculate_cost: tokens times price per 1K over 1000, but exact."""
    assert price(input=0.03, output=0.06).calculate_cost(1000, 500) == Decimal("0.06")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-0.01, "negative"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (Decimal("-Infinity"), "finite"),
        (Decimal("sNaN"), "finite"),
        ("0.03", "number"),
        (True, "number"),
        ([1], "number"),
        (10**400, "reason"),
        (1e300, "reason"),
    ],
)
@pytest.mark.parametrize(
    "field", ["input", "cost_output_1Mtokens", "cost_image", "cost_audio_second"]
)
def test_a_bad_figure_is_refused_by_name(field: str, value: object, message: str) -> None:
    """Negative, not a number, or beyond all reason: the field is named."""
    assert message in problems({field: value})[f"costs.{field}"]


def test_all_bad_figures_are_named_at_once() -> None:
    """One look shows all that is to be mended."""
    assert set(problems({"input": -1, "output": "x", "currency": "dollars"})) == {
        "costs.input",
        "costs.output",
        "costs.currency",
    }


def test_spellings_that_disagree_are_refused() -> None:
    """Nothing says which of two prices is meant, so neither is taken."""
    found = problems({"input": 0.03, "cost_input_1Mtokens": 0.03})

    assert found == {"costs.cost_input_1Mtokens": "contradicts costs.input"}


@pytest.mark.parametrize("currency", ["usd", "US", "EURO", 1, "U$D", "ÉUR"])
def test_a_currency_is_three_capitals(currency: object) -> None:
    """Budgets compare currencies letter by letter."""
    assert "capitals" in problems({"input": 1, "currency": currency})["costs.currency"]


def test_no_price_is_none_and_not_zero() -> None:
    """A model without a price must be refused at request time, never booked at nothing."""
    assert price_from_costs({}, free=False) is None
    assert price_from_costs({"currency": "USD", "input": None}, free=False) is None


def test_free_is_said_in_so_many_words() -> None:
    """A free model costs zero; a free model with prices is a contradiction."""
    free = price_from_costs({"input": 0}, free=True)

    assert free is not None
    assert free.free
    assert free.cost_nano(Usage(10**9, output_tokens=10**9)) == 0
    assert free.upper_bound_nano(10**9, 10**9) == 0
    assert problems({"input": 0.1}, free=True) == {"costs": "a free model has prices"}


@given(prices, usages)
def test_a_cost_is_never_negative_and_whole(rate: Price, used: Usage) -> None:
    """Whatever was used at whatever price."""
    cost = rate.cost_nano(used)

    assert isinstance(cost, int)
    assert cost >= 0


@given(flat_prices, usages)
def test_parts_add_up(rate: Price, used: Usage) -> None:
    """The parts priced one by one differ from the whole by their own rounding at most."""
    parts = [Usage(**{name: getattr(used, name)}) for name in FIELDS]

    assert abs(sum(map(rate.cost_nano, parts)) - rate.cost_nano(used)) <= len(parts)
    assert used.total_input_tokens + used.total_output_tokens == sum(used[:10])


@given(flat_prices, usages, usages)
def test_two_calls_cost_what_they_cost_together(rate: Price, one: Usage, other: Usage) -> None:
    """Sums of usage and sums of money agree, but for each call's rounding."""
    both = one.plus(other)

    assert abs(rate.cost_nano(both) - rate.cost_nano(one) - rate.cost_nano(other)) <= 1
    assert both.total_input_tokens == one.total_input_tokens + other.total_input_tokens
    assert both.estimated == (one.estimated or other.estimated)


@given(flat_prices, usages, st.sampled_from(FIELDS), tokens)
def test_using_more_never_costs_less(rate: Price, used: Usage, name: str, more: int) -> None:
    """A cost grows with every count."""
    grown = used._replace(**{name: getattr(used, name) + more})

    assert rate.cost_nano(grown) >= rate.cost_nano(used)


@given(prices, usages, st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_upper_bound_holds(rate: Price, used: Usage, bytes_more: int, out_more: int) -> None:
    """However the tokens fall into dimensions and tiers, a bound of the totals covers the cost."""
    bound = rate.upper_bound_nano(
        used.total_input_tokens + bytes_more,
        used.total_output_tokens + out_more,
        images=used.images,
        characters=used.characters,
        audio_ms=used.audio_ms,
    )

    assert bound >= rate.cost_nano(used)


@given(prices, tokens)
def test_plain_input_has_a_short_way(rate: Price, into: int) -> None:
    """Pricing a prompt alone is pricing a usage that is nothing else."""
    assert rate.input_cost_nano(into) == rate.cost_nano(Usage(into))


@given(tokens, tokens, st.decimals(0, 100, places=4), st.decimals(0, 100, places=4))
def test_cost_agrees_with_plain_arithmetic(
    into: int, out: int, price_in: Decimal, price_out: Decimal
) -> None:
    """The whole-number way gives what the textbook gives, to half a nano-unit."""
    rate = price(input=price_in, output=price_out)
    plain = (into * price_in + out * price_out) / 1000

    assert rate.calculate_cost(into, out) == plain
    assert abs(rate.cost_nano(Usage(into, output_tokens=out)) - plain * 10**9) <= Decimal("0.5")
