"""Single settings of LiteLLM's configs."""

from typing import Any

import pytest

from llmproxy.domain.litellm_config.conversion import ConfigError, Conversion, convert
from llmproxy.domain.litellm_config.remarks import Kind

PRICED = {"input_cost_per_token": "1e-06", "output_cost_per_token": 2e-06}


def one(
    params: dict[str, Any], info: dict[str, Any] | None = None, **sections: object
) -> Conversion:
    """Convert a config with one deployment."""
    entry = {"model_name": "m", "litellm_params": params, "model_info": info or PRICED}
    return convert({"model_list": [entry], **sections})


def document(params: dict[str, Any], info: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the one document of a config with one deployment."""
    (found,) = one(params, info).documents
    return found


def told(conversion: Conversion, kind: Kind | None = None) -> str:
    """Give all remarks of a kind as lines."""
    return "\n".join(
        f"{each.place}: {each.message}" for each in conversion.remarks if kind in (None, each.kind)
    )


@pytest.mark.parametrize("config", [None, [], {}, {"model_list": {}}, "model_list"])
def test_what_is_no_config(config: object) -> None:
    """It is refused as a whole."""
    with pytest.raises(ConfigError, match="model_list"):
        convert(config)


def test_an_empty_list_is_a_config() -> None:
    """Without documents, and without advice about them."""
    assert convert({"model_list": []}) == Conversion([], [])


@pytest.mark.parametrize(
    ("model", "provider", "model_type"),
    [
        ("gpt-5-mini", "OpenAI", "OpenAI"),
        ("openai/gpt-4o", "OpenAI", "OpenAI"),
        ("o3-mini", "OpenAI", "OpenAI"),
        ("claude-opus-4-5", "Anthropic", "Anthropic"),
        ("anthropic/claude-x", "Anthropic", "Anthropic"),
        ("azure/deployment", "Azure", "AzureOpenAI"),
        ("azure_ai/Phi-4", "Azure", "AzureFoundry"),
        ("gemini-2.5-pro", "Google", "GoogleVertex"),
        ("vertex_ai/gemini-2.5-flash", "Google", "GoogleVertex"),
        ("vertex_ai/claude-sonnet-4-5", "Google", "GoogleVertexClaude"),
        ("vertex_ai/mistral-medium-3", "Google", "GoogleVertexMistral"),
        ("vertex_ai/jamba-1.5-large", "Google", "GoogleVertexJamba"),
        ("vertex_ai/deepseek-ai/deepseek-v3.1-maas", "Google", "GoogleVertexDeepSeek"),
        ("vertex_ai/qwen/qwen3-235b-maas", "Google", "GoogleVertexQwen"),
        ("vertex_ai/openai/gpt-oss-120b-maas", "Google", "GoogleVertexOpenAI"),
        ("gemini/gemini-2.5-pro", "LiteLLM", "LiteLLM"),
        ("bedrock/amazon.nova-pro-v1:0", "LiteLLM", "LiteLLM"),
        ("groq/llama-3.3-70b", "OpenAI", "OpenAI"),
        ("sagemaker/x", "LiteLLM", "LiteLLM"),
    ],
)
def test_whose_model_it_is(model: str, provider: str, model_type: str) -> None:
    """The provider of LiteLLM's name decides, or the name alone where LiteLLM lists it."""
    found = document({"model": model})
    assert (found["provider"], found["model_type"]) == (provider, model_type)


def test_a_provider_said_apart() -> None:
    """`custom_llm_provider` counts before the name."""
    found = document({"model": "x/y", "custom_llm_provider": "azure", "api_version": "2024-10-21"})
    assert found["parameters"]["deployment_name"] == "x/y"


@pytest.mark.parametrize(
    ("model", "mode", "operations"),
    [
        ("gpt-5", None, ["ChatCompletion", "Responses"]),
        ("groq/x", None, ["ChatCompletion"]),
        ("gpt-5", "responses", ["Responses"]),
        ("text-embedding-3-small", None, ["embeddings"]),
        ("openai/anything", "embedding", ["embeddings"]),
        ("whisper-1", None, ["audio_stt"]),
        ("openai/gpt-4o-mini-tts", None, ["audio_tts"]),
        ("dall-e-3", None, ["images"]),
        ("openai/gpt-realtime", None, ["audio_realtime"]),
        ("omni-moderation-latest", None, ["moderations"]),
    ],
)
def test_what_it_may_be_asked(model: str, mode: str | None, operations: list[str]) -> None:
    """By the mode, else by the name."""
    assert document({"model": model}, {**PRICED, "mode": mode})["operations"] == operations


def test_prices_are_exact() -> None:
    """Per million tokens, without the dust of binary fractions; texts count as numbers."""
    info = {
        "input_cost_per_token": "1.1e-06",
        "output_cost_per_token": 0.0000044,
        "cache_read_input_token_cost": 2.75e-07,
    }
    assert document({"model": "gpt-5"}, info)["costs"] == {
        "currency": "USD",
        "cost_input_1Mtokens": 1.1,
        "cost_output_1Mtokens": 4.4,
        "cost_cached_input_1Mtokens": 0.275,
    }


def test_prices_beside_the_parameters_come_first() -> None:
    """As LiteLLM mirrors them onto the model."""
    found = document({"model": "gpt-5", "input_cost_per_token": 9e-06}, PRICED)
    assert found["costs"]["cost_input_1Mtokens"] == 9


@pytest.mark.parametrize("price", ["cheap", True, -1e-06, float("nan"), [1]])
def test_what_is_no_price(price: object) -> None:
    """It is pointed out, and not taken for zero."""
    found = one({"model": "gpt-5"}, {"input_cost_per_token": price, "mode": "chat"})
    assert "costs" not in found.documents[0]
    assert "input_cost_per_token: is no price" in told(found, Kind.TO_DO)
    assert "has no price: LiteLLM" in told(found, Kind.TO_DO)


def test_equal_secrets_have_one_name_and_others_another() -> None:
    """Nor does a proposed name take one that the config uses already."""
    entries = [
        {"model_name": str(number), "litellm_params": {"model": "gpt-5", "api_key": key}}
        for number, key in enumerate(["one", "two", "one", "os.environ/OPENAI_API_KEY"])
    ]
    found = convert({"model_list": entries})
    names = [each["parameters"]["secret_name"] for each in found.documents]  # type: ignore[index]
    assert names == ["OPENAI_API_KEY_2", "OPENAI_API_KEY_3", "OPENAI_API_KEY_2", "OPENAI_API_KEY"]


def test_no_key_goes_to_a_stranger() -> None:
    """LiteLLM would send OPENAI_API_KEY to any address; here it must be named."""
    found = one({"model": "openai/x", "api_base": "https://elsewhere.example.com/v1"})
    assert "secret_name" not in found.documents[0]["parameters"]  # type: ignore[operator]
    assert "OPENAI_API_KEY" in told(found, Kind.CHANGED)


def test_an_azure_identity() -> None:
    """Tenant, client and secret become `auth: entra`; no key beside them."""
    params = {
        "model": "azure/d",
        "api_base": "https://r.openai.azure.com",
        "tenant_id": "os.environ/T",
    }
    found = document({**params, "client_id": "os.environ/C", "client_secret": "os.environ/S"})
    assert found["parameters"] == {
        "endpoint": "https://r.openai.azure.com",
        "auth": "entra",
        "tenant_id": "T",
        "client_id": "C",
        "client_secret_name": "S",
        "deployment_name": "d",
    }


def test_aws_without_a_key_names_the_usual_variables() -> None:
    """Nothing is taken from the surroundings, and the report says so."""
    found = one({"model": "bedrock/x"})
    assert found.documents[0]["parameters"] == {
        "litellm_model": "bedrock/x",
        "aws_access_key_id_secret_name": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key_secret_name": "AWS_SECRET_ACCESS_KEY",
        "aws_region_name_secret_name": "AWS_REGION_NAME",
    }
    assert told(found, Kind.CHANGED).count("must be set") == 3


def test_unknown_settings_are_named() -> None:
    """Whatever LiteLLM has tomorrow is not dropped in silence."""
    found = one(
        {"model": "gpt-5", "brand_new": 1},
        {**PRICED, "shiny": 2},
        general_settings={"x": 1},
        router_settings={"y": 1},
        litellm_settings={"z": 1},
        whole_section={},
    )
    lines = told(found, Kind.LEFT_OUT)
    for place in ("litellm_params.brand_new", "model_info.shiny", "general_settings.x"):
        assert place in lines
    for place in ("router_settings.y", "litellm_settings.z", "whole_section"):
        assert f"{place}: there is nothing like it here" in lines


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"model_name": "m"}, "needs `model_name` and `litellm_params`"),
        ("nonsense", "needs `model_name` and `litellm_params`"),
        ({"model_name": "m", "litellm_params": {}}, "litellm_params.model is missing"),
        ({"model_name": "*", "litellm_params": {"model": "openai/*"}}, "wildcards"),
        ({"model_name": "m", "litellm_params": {"model": "unheard-of"}}, "write provider/model"),
        (
            {
                "model_name": "m",
                "litellm_params": {"model": "hosted_vllm/x", "api_base": "ftp://x"},
            },
            "must begin with http",
        ),
        ({"model_name": "m", "litellm_params": {"model": "custom_openai/x"}}, "has no address"),
        (
            {
                "model_name": "m",
                "litellm_params": {"model": "gpt-5", "litellm_credential_name": "c"},
            },
            "credential_list holds no c",
        ),
        (
            {"model_name": "m", "litellm_params": {"model": "gpt-5", "api_key": "os.environ/a b"}},
            "cannot be the name of a secret",
        ),
        (
            {
                "model_name": "m",
                "litellm_params": {"model": "cohere/rerank-v3"},
                "model_info": {"mode": "rerank"},
            },
            "nothing of the mode rerank",
        ),
    ],
)
def test_an_entry_that_is_not_taken(entry: object, reason: str) -> None:
    """It is named with the reason, and the others are taken."""
    good = {"model_name": "good", "litellm_params": {"model": "gpt-5"}, "model_info": PRICED}
    found = convert({"model_list": [entry, good]})

    assert [each["code"] for each in found.documents] == ["good"]
    assert "not imported: " in told(found, Kind.TO_DO)
    assert reason in told(found, Kind.TO_DO)


def test_drop_params_of_all() -> None:
    """It is taken over for translated models; bytes that pass are never changed."""
    entries = [
        {"model_name": name, "litellm_params": {"model": name}, "model_info": PRICED}
        for name in ("gpt-5", "claude-opus-4-5")
    ]
    found = convert({"model_list": entries, "litellm_settings": {"drop_params": True}})
    dropping = [each["parameters"].get("drop_unsupported") for each in found.documents]  # type: ignore[attr-defined]
    assert dropping == [None, True]


def test_ids_are_unique_and_fit() -> None:
    """LiteLLM's own id where there is one; signs that an id may not hold are replaced."""
    entries = [
        {"model_name": "a/b", "litellm_params": {"model": "gpt-5"}, "model_info": {"id": "my id"}},
        {"model_name": "a/b", "litellm_params": {"model": "gpt-5"}},
        {"model_name": "a/b", "litellm_params": {"model": "gpt-5"}},
        {"model_name": "a/b", "litellm_params": {"model": "gpt-5"}},
    ]
    found = convert({"model_list": entries})
    ids = [each["id"] for each in found.documents]
    assert ids == ["my-id", "a-b", "a-b-openai", "a-b-openai-2"]
    assert {each["code"] for each in found.documents} == {"a/b"}
