"""Second thoughts about prices: halves that are missing, figures of the other unit."""

from typing import Any

import pytest

from llmproxy.domain.document import DocumentError, parse_model
from tests.fakes.documents import document


def warnings(costs: dict[str, Any], *operations: str) -> str:
    """Give the warnings about a document with these costs."""
    given = document(costs=costs, operations=list(operations) or ["ChatCompletion"])
    return "\n".join(parse_model(given).warnings)


@pytest.mark.parametrize(
    ("costs", "operations", "missing"),
    [
        ({"input": 1}, ["ChatCompletion"], ["costs.output"]),
        ({"output": 1}, ["Responses"], ["costs.input"]),
        ({"cost_cached_input_1Mtokens": 1}, ["ChatCompletion"], ["costs.input", "costs.output"]),
        ({"output": 1}, ["embeddings"], ["costs.input"]),
        ({"input": 1}, ["audio_realtime"], ["costs.output"]),
    ],
)
def test_a_missing_half_is_refused(
    costs: dict[str, Any], operations: list[str], missing: list[str]
) -> None:
    """A forgotten output price would book every answer at nothing."""
    with pytest.raises(DocumentError) as caught:
        parse_model(document(costs=costs, operations=operations))

    assert [problem.field for problem in caught.value.problems] == missing


@pytest.mark.parametrize(
    ("costs", "operations"),
    [
        ({"input": 0.0001}, ["embeddings"]),
        ({"cost_input_1Mtokens": 5}, ["audio_stt"]),
        ({"cost_image": 0.04}, ["images"]),
        ({"cost_1Mcharacters": 0.15}, ["audio_tts"]),
        ({"cost_audio_second": 0.0001}, ["audio_stt", "audio_tts", "moderations"]),
        ({"cost_output_1Mtokens": 0, "cost_input_1Mtokens": 1}, ["ChatCompletion"]),
        ({"cost_input_1Mtokens": 0.05, "cost_output_1Mtokens": 0.4}, ["ChatCompletion"]),
        ({"input": 0.15, "output": 0.6}, ["ChatCompletion"]),
        ({"cost_input_1Mtokens": 0.005, "currency": "BRL"}, ["embeddings"]),
    ],
)
def test_prices_of_real_models_pass_in_silence(
    costs: dict[str, Any], operations: list[str]
) -> None:
    """Cheap embeddings, small and dear chat models, other currencies."""
    assert warnings(costs, *operations) == ""


def test_a_per_1k_figure_in_a_per_1m_field_is_noticed() -> None:
    """The original description's first example holds GPT-4's prices per 1K under the 1M names."""
    found = warnings({"cost_input_1Mtokens": 0.03, "cost_output_1Mtokens": 0.06})

    assert "costs.cost_output_1Mtokens" in found
    assert "looks like a price per 1K" in found
    assert "costs.cost_input_1Mtokens" in warnings({"cost_input_1Mtokens": 0.0005}, "embeddings")


def test_a_per_1m_figure_in_a_per_1k_field_is_noticed() -> None:
    """2.5 per 1K tokens is 2,500 per 1M: nobody sells that."""
    found = warnings({"input": 2.5, "output": 0.01})

    assert "costs.input: 2.5 USD per 1K tokens is very much" in found
    assert "costs.output" not in found


def test_unknown_cost_fields_are_noticed() -> None:
    """A price under a mistyped name is not charged, and is not passed over in silence."""
    costs = {"input": 0.01, "output": 0.01, "cached": 1}

    assert warnings(costs) == "costs.cached: is not known and not used"


def test_operations_without_a_price_are_noticed() -> None:
    """The document is good for what it prices; the rest is refused, which is said beforehand."""
    costs = {"cost_input_1Mtokens": 1}
    every = ["embeddings", "audio_stt", "moderations", "images", "audio_tts"]

    assert warnings(costs, *every).splitlines() == [
        f"costs.{field}: is needed by {operation}, which is refused without a price (402) "
        "(0 if it is free)"
        for field, operation in (("cost_1Mcharacters", "audio_tts"), ("cost_image", "images"))
    ]


def test_two_prices_of_one_thing_are_noticed() -> None:
    """Nothing is left out of a sum: whoever gives both pays both."""
    found = warnings({"cost_image": 0.04, "cost_image_output_1Mtokens": 40}, "images")

    assert "costs.cost_image: is charged on top of costs.cost_image_output_1Mtokens" in found


def test_unknown_fields_of_a_tier_are_noticed() -> None:
    """They are named with the number of the tier."""
    tier = {"above_input_tokens": 10, "input": 2, "costs": 1}

    assert (
        warnings({"input": 1, "output": 1, "tiers": [tier]})
        == "costs.tiers[0].costs: is not known and not used"
    )
