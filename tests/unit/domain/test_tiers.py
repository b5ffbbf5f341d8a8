"""Prices of long contexts, operations without a price, and what is filled in for them."""

from decimal import Decimal

import pytest

from llmproxy.domain.costs import PriceError, price_from_costs
from llmproxy.domain.operation import Operation
from llmproxy.domain.pricing import IMAGE_OUTPUT_TOKENS, Price
from llmproxy.domain.usage import Usage

GEMINI = {
    "cost_input_1Mtokens": 1.25,
    "cost_cached_input_1Mtokens": 0.125,
    "cost_output_1Mtokens": 10,
    "tiers": [
        {"above_input_tokens": 200_000, "cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 15}
    ],
}


def price(costs: dict[str, object], *, free: bool = False) -> Price:
    read = price_from_costs(costs, free=free)
    assert read is not None
    return read


def test_the_edge_of_a_tier() -> None:
    """200,000 tokens are below, one more is above, and then all of the call is."""
    read = price(GEMINI)

    assert read.cost_nano(Usage(200_000, output_tokens=100)) == 250_000_000 + 1_000_000
    assert read.cost_nano(Usage(200_001, output_tokens=100)) == 500_002_500 + 1_500_000
    assert read.calculate_cost(200_000, 100) == Decimal("0.251")
    assert read.calculate_cost(200_001, 100) == Decimal("0.5015025")


@pytest.mark.parametrize(
    "part",
    ["cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "audio_input_tokens"],
)
def test_all_input_counts_for_a_tier(part: str) -> None:
    """What is cached is context too."""
    read = price(GEMINI)
    above = Usage(output_tokens=1_000_000, **{part: 200_001})

    assert read.cost_nano(above) >= 15 * 10**9
    assert read.cost_nano(Usage(1, output_tokens=10**6)) == 10 * 10**9 + 1250


def test_what_a_tier_leaves_out_is_the_base_price() -> None:
    """The cached price stands above 200,000 tokens as below."""
    read = price(GEMINI)

    assert read.cost_nano(Usage(cache_read_tokens=1_000_000)) == 125_000_000


def test_several_tiers() -> None:
    """The highest that is passed holds; a tier builds on the base, not on the tier before."""
    read = price(
        {
            "input": 0.001,
            "output": 0.002,
            "tiers": [
                {"above_input_tokens": 10, "input": 0.005},
                {"above_input_tokens": 20, "output": 0.004},
            ],
        }
    )

    assert read.cost_nano(Usage(10, output_tokens=1)) == 12_000
    assert read.cost_nano(Usage(11, output_tokens=1)) == 57_000
    assert read.cost_nano(Usage(21, output_tokens=1)) == 25_000


def test_a_bound_takes_only_tiers_that_can_be_reached() -> None:
    """A short prompt is not held at the price of a long one; a dear tier below counts."""
    read = price(GEMINI)

    assert read.upper_bound_nano(1000, 100) == 1_250_000 + 1_000_000
    assert read.upper_bound_nano(200_001, 100) == 500_002_500 + 1_500_000
    falling = price(
        {"input": 1, "output": 1, "tiers": [{"above_input_tokens": 5, "input": 0, "output": 0}]}
    )
    assert falling.upper_bound_nano(6, 1) == 7 * 10**6


@pytest.mark.parametrize(
    ("tiers", "field", "message"),
    [
        ({}, "costs.tiers", "array"),
        ([1], "costs.tiers", "array"),
        ([{"above_input_tokens": n, "input": 1} for n in range(1, 10)], "costs.tiers", "at most 8"),
        ([{"input": 1}], "costs.tiers[0].above_input_tokens", "required"),
        ([{"above_input_tokens": 0, "input": 1}], "costs.tiers[0].above_input_tokens", "whole"),
        ([{"above_input_tokens": True, "input": 1}], "costs.tiers[0].above_input_tokens", "whole"),
        ([{"above_input_tokens": 1.5, "input": 1}], "costs.tiers[0].above_input_tokens", "whole"),
        ([{"above_input_tokens": 5}], "costs.tiers[0]", "no price"),
        ([{"above_input_tokens": 5, "input": -1}], "costs.tiers[0].input", "negative"),
        (
            [{"above_input_tokens": 5, "input": 1}, {"above_input_tokens": 5, "input": 2}],
            "costs.tiers[1].above_input_tokens",
            "more than",
        ),
        (
            [{"above_input_tokens": 5, "output": 1, "cost_output_1Mtokens": 1}],
            "costs.tiers[0].cost_output_1Mtokens",
            "contradicts costs.tiers[0].output",
        ),
    ],
)
def test_bad_tiers_are_refused_by_name(tiers: object, field: str, message: str) -> None:
    """The number of the tier is part of the name."""
    with pytest.raises(PriceError) as caught:
        price_from_costs({"input": 1, "tiers": tiers}, free=False)

    assert {each.field: message in each.message for each in caught.value.problems} == {field: True}


def test_tiers_need_a_price_below_them() -> None:
    """A model that costs something only when the context is long is a mistake."""
    tiers = [{"above_input_tokens": 5, "input": 1}]
    with pytest.raises(PriceError):
        price_from_costs({"tiers": tiers}, free=False)
    with pytest.raises(PriceError):
        price_from_costs({"input": 0, "tiers": tiers}, free=True)


@pytest.mark.parametrize(
    ("costs", "operation", "missing"),
    [
        ({"input": 1, "output": 1}, Operation.CHAT_COMPLETION, None),
        ({"input": 1}, Operation.CHAT_COMPLETION, "costs.cost_output_1Mtokens"),
        ({"cost_image": 1}, Operation.RESPONSES, "costs.cost_input_1Mtokens"),
        ({"output": 1}, Operation.EMBEDDINGS, "costs.cost_input_1Mtokens"),
        ({"input": 1}, Operation.IMAGES, "costs.cost_image"),
        ({"cost_image": 0}, Operation.IMAGES, None),
        ({"cost_image_output_1Mtokens": 40}, Operation.IMAGES, None),
        ({"input": 1, "output": 1}, Operation.AUDIO_TTS, None),
        ({"input": 1}, Operation.AUDIO_TTS, "costs.cost_1Mcharacters"),
        ({"cost_audio_second": 1}, Operation.AUDIO_TTS, None),
        ({"output": 1}, Operation.AUDIO_STT, "costs.cost_audio_second"),
        ({"cost_audio_input_1Mtokens": 1}, Operation.AUDIO_STT, None),
        ({"cost_image": 1}, Operation.AUDIO_REALTIME, "costs.cost_input_1Mtokens"),
        ({"cost_image": 1}, Operation.MODERATIONS, None),
    ],
)
def test_what_an_operation_lacks(
    costs: dict[str, object], operation: Operation, missing: str | None
) -> None:
    """The field is named; a price of zero is a price."""
    assert price(costs).missing_for(operation) == missing


@pytest.mark.parametrize("operation", Operation)
def test_a_free_model_lacks_nothing(operation: Operation) -> None:
    """Free is free, whatever is asked."""
    assert price({}, free=True).missing_for(operation) is None


COUNTED = Usage(
    input_tokens=5, audio_input_tokens=100, characters=40, audio_ms=6000, estimated=True
)


@pytest.mark.parametrize(
    ("costs", "told", "counted", "expected"),
    [
        # Characters are exact, and no provider tells them.
        (
            {"cost_1Mcharacters": 1},
            Usage(input_tokens=3),
            COUNTED,
            Usage(input_tokens=3, characters=40),
        ),
        # A transcript paid by the second whose provider told tokens.
        (
            {"cost_audio_second": 1},
            Usage(input_tokens=3),
            COUNTED._replace(characters=0),
            Usage(input_tokens=3, audio_ms=6000, estimated=True),
        ),
        # One paid by tokens whose provider told seconds: 100 tokens of 6 s are 50 of 3 s.
        (
            {"cost_audio_input_1Mtokens": 1},
            Usage(audio_ms=3000),
            COUNTED._replace(characters=0),
            Usage(audio_input_tokens=50, audio_ms=3000, estimated=True),
        ),
        # Images paid by tokens whose provider told none.
        (
            {"output": 1},
            Usage(images=2),
            Usage(images=2, estimated=True),
            Usage(images=2, image_output_tokens=2 * IMAGE_OUTPUT_TOKENS, estimated=True),
        ),
        # What was told and has a price stays as it is.
        ({"cost_image": 1}, Usage(images=2), Usage(images=2, estimated=True), Usage(images=2)),
        (
            {"input": 1, "cost_audio_second": 1},
            Usage(audio_input_tokens=3),
            COUNTED._replace(characters=0),
            Usage(audio_input_tokens=3),
        ),
        ({"cost_audio_second": 1}, Usage(audio_ms=9), COUNTED, Usage(audio_ms=9, characters=40)),
        # Nothing stays nothing, and without a count of the gateway's own nothing is made up.
        ({"cost_audio_second": 1}, Usage(), COUNTED, Usage()),
        ({"output": 1}, Usage(images=2), None, Usage(images=2)),
    ],
)
def test_what_was_not_told_is_filled_in(
    costs: dict[str, object], told: Usage, counted: Usage | None, expected: Usage
) -> None:
    """Only what has a price and is missing, and marked as an estimate unless it is exact."""
    assert price(costs).completed(told, counted) == expected
