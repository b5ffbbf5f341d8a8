"""Prices out of LiteLLM's table: whose they are, in which unit, and what they would change."""

from decimal import Decimal
from typing import Any

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.litellm_prices import costs_from
from llmproxy.domain.model import Model
from llmproxy.domain.price_suggestion import (
    Difference,
    far_off,
    key_of,
    lacks_prices,
    suggestion_for,
)
from tests.fakes.documents import azure_document, document, google_document

CHAT = {"mode": "chat", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05}
TABLE: dict[str, dict[str, Any]] = {
    "gpt-4o": {**CHAT, "litellm_provider": "openai"},
    "azure/gpt-4o": {**CHAT, "litellm_provider": "azure", "input_cost_per_token": 2.75e-06},
    "azure_ai/claude-sonnet-4-5": {**CHAT, "litellm_provider": "azure_ai"},
    "claude-sonnet-4-5": {**CHAT, "litellm_provider": "anthropic"},
    "vertex_ai/claude-sonnet-4-5": {**CHAT, "litellm_provider": "vertex_ai-anthropic_models"},
    "gemini-2.5-pro": {**CHAT, "litellm_provider": "vertex_ai-language-models"},
    "vertex_ai/meta/llama-4-maas": {**CHAT, "litellm_provider": "vertex_ai-llama_models"},
    "gemini/gemini-2.5-pro": {**CHAT, "litellm_provider": "gemini"},
    "text-embedding-3-small": {
        "mode": "embedding",
        "litellm_provider": "openai",
        "input_cost_per_token": 2e-08,
        "output_cost_per_token": 0.0,
    },
    "groq/llama": {**CHAT, "litellm_provider": "groq"},
}


def model(given: dict[str, Any]) -> Model:
    return parse_model(given).model


def openai(name: str, **changes: object) -> Model:
    return model(document(parameters={"model": name}, **changes))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (document(parameters={"model": "gpt-4o"}), "gpt-4o"),
        (document(parameters={"model": "gpt-4o-2024-08-06"}), "gpt-4o"),
        (document(parameters={"model": "GPT-4o"}), "gpt-4o"),
        (document(parameters={"model": "gpt-4o", "endpoint": "https://api.openai.com/v1"}),
         "gpt-4o"),
        (document(parameters={"model": "gpt-4o", "endpoint": "http://localhost:8000/v1"}), None),
        (document(parameters={"model": "unheard-of"}), None),
        (azure_document(deployment_name="gpt-4o"), "azure/gpt-4o"),
        (azure_document(deployment_name="ours", base_model="gpt-4o"), "azure/gpt-4o"),
        (azure_document(deployment_name="ours"), None),
        (google_document(model="llama-4-maas"), "vertex_ai/meta/llama-4-maas"),
        (google_document(model="claude-sonnet-4-5@20250929"), "vertex_ai/claude-sonnet-4-5"),
        (google_document(model="gemini-2.5-pro"), "gemini-2.5-pro"),
        (google_document(model="gpt-4o"), None),
    ],
)  # fmt: skip
def test_whose_price_it_is(given: dict[str, Any], key: str | None) -> None:
    """By provider first: the same name costs something else elsewhere."""
    assert key_of(model(given), TABLE) == key


def test_a_model_without_a_price() -> None:
    """All that the table has, in USD per million."""
    found = suggestion_for(openai("gpt-4o", costs=None), TABLE, replace=False)

    assert found is not None
    assert found.differences == (
        Difference("cost_input_1Mtokens", None, 2.5, far=False),
        Difference("cost_output_1Mtokens", None, 10, far=False),
    )
    assert found.patch == {
        "costs": {"cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 10, "currency": "USD"}
    }


def test_what_a_model_has_is_only_compared_when_asked() -> None:
    """Then the spelling that stands there goes, and what is far off is marked."""
    priced = openai("gpt-4o", costs={"input": 0.0025, "output": 0.1})

    assert suggestion_for(priced, TABLE, replace=False) is None
    found = suggestion_for(priced, TABLE, replace=True)
    assert found is not None
    assert found.differences == (Difference("cost_output_1Mtokens", 100, 10, far=False),)
    assert found.patch == {"costs": {"cost_output_1Mtokens": 10, "output": None, "currency": "USD"}}


def test_a_price_of_the_wrong_unit_is_far_off() -> None:
    """The description's first example holds prices per 1K under the names per 1M."""
    wrong = openai("gpt-4o", costs={"cost_input_1Mtokens": 0.0025, "cost_output_1Mtokens": 0.01})

    found = suggestion_for(wrong, TABLE, replace=True)
    assert found is not None
    assert any(each.far for each in found.differences)
    assert list(far_off(wrong, TABLE)) == [
        f"costs.{field}: {now} is more than 10 times off {then}, which LiteLLM's table has for "
        "gpt-4o"
        for field, now, then in (
            ("cost_input_1Mtokens", 0.0025, 2.5),
            ("cost_output_1Mtokens", 0.01, 10),
        )
    ]


@pytest.mark.parametrize(
    ("costs", "free"),
    [({"input": 0.0025, "output": 0.01}, None), (None, None), (None, True),
     ({"input": 9, "output": 9, "currency": "BRL"}, None),
     ({"cost_input_1Mtokens": 0.3, "cost_output_1Mtokens": 99}, None)],
)  # fmt: skip
def test_what_is_not_far_off(costs: object, free: bool | None) -> None:  # noqa: FBT001
    """Equal, absent, free, in another currency, or up to ten times."""
    assert list(far_off(openai("gpt-4o", costs=costs, free=free), TABLE)) == []


def test_another_currency_is_not_touched() -> None:
    """Nobody here knows the rate."""
    assert (
        suggestion_for(
            openai("gpt-4o", costs={"input": 1, "output": 1, "currency": "BRL"}),
            TABLE,
            replace=True,
        )
        is None
    )


def test_embeddings_need_no_price_of_output() -> None:
    """The table says that it is 0."""
    found = suggestion_for(
        openai("text-embedding-3-small", costs=None, operations=["embeddings"]),
        TABLE,
        replace=False,
    )

    assert found is not None
    assert found.patch == {"costs": {"cost_input_1Mtokens": 0.02, "currency": "USD"}}


def test_what_lacks_prices() -> None:
    """No price at all, or none for an operation that is offered."""
    assert lacks_prices(openai("x", costs=None))
    assert lacks_prices(openai("x", costs={"cost_image": 1}, operations=["images", "audio_stt"]))
    assert not lacks_prices(openai("x"))
    assert not lacks_prices(openai("x", costs=None, free=True))


@pytest.mark.parametrize(
    ("entry", "costs"),
    [
        (
            {
                "mode": "chat",
                "input_cost_per_token": Decimal("1.25e-06"),
                "output_cost_per_token": 1e-05,
                "cache_read_input_token_cost": 1.25e-07,
                "cache_creation_input_token_cost": 3.75e-06,
                "cache_creation_input_token_cost_above_1hr": 6e-06,
                "input_cost_per_token_above_200k_tokens": 2.5e-06,
                "output_cost_per_token_above_200k_tokens": 1.5e-05,
                "input_cost_per_token_above_1000k_tokens": 5e-06,
                "input_cost_per_token_above_200k_tokens_priority": 9e-06,
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
                "input_cost_per_token_batches": 1e-07,
                "search_context_cost_per_query": {"search_context_size_low": 0.03},
            },
            {
                "cost_input_1Mtokens": 1.25,
                "cost_output_1Mtokens": 10,
                "cost_cached_input_1Mtokens": 0.125,
                "cost_cache_write_1Mtokens": 3.75,
                "cost_cache_write_1h_1Mtokens": 6,
                "tiers": [
                    {
                        "above_input_tokens": 200_000,
                        "cost_input_1Mtokens": 2.5,
                        "cost_output_1Mtokens": 15,
                        "cost_cache_write_1h_1Mtokens": 12,
                    },
                    {"above_input_tokens": 1_000_000, "cost_input_1Mtokens": 5},
                ],
            },
        ),
        (
            {
                "mode": "image_generation",
                "input_cost_per_token": 5e-06,
                "input_cost_per_image_token": 1e-05,
                "output_cost_per_image_token": 4e-05,
                "output_cost_per_image": 0.04,
            },
            {
                "cost_input_1Mtokens": 5,
                "cost_image_input_1Mtokens": 10,
                "cost_image_output_1Mtokens": 40,
            },
        ),
        ({"mode": "image_generation", "output_cost_per_image": 0.04}, {"cost_image": 0.04}),
        ({"mode": "image_generation", "input_cost_per_image": 0.04}, {"cost_image": 0.04}),
        ({"mode": "audio_speech", "input_cost_per_character": 1.5e-05}, {"cost_1Mcharacters": 15}),
        (
            {
                "mode": "audio_speech",
                "input_cost_per_token": 6e-07,
                "output_cost_per_audio_token": 1.2e-05,
                "output_cost_per_second": 0.00025,
            },
            {"cost_input_1Mtokens": 0.6, "cost_audio_output_1Mtokens": 12},
        ),
        (
            {
                "mode": "audio_transcription",
                "input_cost_per_second": 0.0001,
                "output_cost_per_second": 0.0001,
            },
            {"cost_audio_second": 0.0001},
        ),
        ({"mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0}, None),
        ({"mode": "video_generation", "output_cost_per_second": 0.4}, None),
        ({"mode": "chat", "input_cost_per_token": "much"}, None),
    ],
)
def test_the_words_of_the_table(entry: dict[str, object], costs: dict[str, object] | None) -> None:
    """Prices of batches, priority, tools and videos are passed over; one way to pay is taken."""
    expected = None if costs is None else {"currency": "USD", **costs}
    assert costs_from(entry) == expected
    if expected is not None:
        parse_model(document(costs=expected, operations=["moderations"]))


TIERED = {
    "long": {
        **CHAT,
        "litellm_provider": "openai",
        "input_cost_per_token_above_200k_tokens": 5e-06,
    }
}
OFFERED = [{"above_input_tokens": 200_000, "cost_input_1Mtokens": 5}]


@pytest.mark.parametrize(
    ("tiers", "far"),
    [
        (None, False),
        ([{"above_input_tokens": 200_000, "cost_input_1Mtokens": 4}], False),
        ([{"above_input_tokens": 200_000, "input": 0.5}], True),
        ([{"above_input_tokens": 100_000, "input": 0.5}], False),
    ],
)
def test_tiers_are_compared_as_one(tiers: object, far: bool) -> None:  # noqa: FBT001
    """They are replaced together; a price is far off that of the tier with the same edge."""
    costs = {"cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 10, "tiers": tiers}
    found = suggestion_for(openai("long", costs=costs), TIERED, replace=True)

    assert found is not None
    assert found.differences == (Difference("tiers", tiers, OFFERED, far=far),)
    assert found.patch == {"costs": {"tiers": OFFERED, "currency": "USD"}}


def test_tiers_that_are_the_same() -> None:
    """Nothing is suggested then; without comparing they are filled in where there are none."""
    costs = {"cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 10}

    assert (
        suggestion_for(openai("long", costs=costs | {"tiers": OFFERED}), TIERED, replace=True)
        is None
    )
    assert suggestion_for(openai("long", costs=costs), TIERED, replace=False) is not None


def test_an_echo_has_no_price() -> None:
    """The table has nothing for models that are nobody's."""
    echo = document(id="gpt-4o", code="gpt-4o", provider="Local", model_type="Echo", costs=None)
    assert key_of(model(echo | {"parameters": {}}), TABLE) is None
