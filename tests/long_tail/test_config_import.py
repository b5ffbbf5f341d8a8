"""Whose model a name of LiteLLM's is: the import of its configs and LiteLLM itself say the same."""

import pytest

from llmproxy.domain.litellm_config.providers import kind_of, named_provider
from llmproxy.infra.providers.long_tail.importing import part

LOGIC = "litellm_core_utils.get_llm_provider_logic"
pytestmark = [
    pytest.mark.usefixtures("long_tail"),
    pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class"),  # LiteLLM's own
]

BARE = (
    *("gpt-5-mini", "gpt-4o", "o3-mini", "text-embedding-3-small", "whisper-1", "tts-1"),
    *("omni-moderation-latest", "gpt-image-1", "gpt-realtime", "claude-opus-4-5", "gemini-2.5-pro"),
)
OPENAI_WIRE = (
    *("cerebras", "deepinfra", "deepseek", "fireworks_ai", "groq", "moonshot", "nvidia_nim"),
    *("openrouter", "perplexity", "sambanova", "together_ai", "xai", "hosted_vllm", "ollama"),
    *("ollama_chat", "lm_studio", "llamafile", "litellm_proxy", "openai_like", "custom_openai"),
)
OTHERS = (
    *("openai", "azure", "azure_ai", "anthropic", "vertex_ai", "gemini", "bedrock", "mistral"),
    *("cohere", "databricks", "watsonx", "replicate", "sagemaker", "text-completion-openai"),
)


@pytest.mark.parametrize("model", [*BARE, *(f"{each}/some/model" for each in OPENAI_WIRE + OTHERS)])
def test_the_provider_of_a_name(model: str) -> None:
    """Provider and rest of the name are those that LiteLLM finds."""
    rest, provider, _, _ = part(LOGIC, "get_llm_provider")(model)
    assert named_provider(model, None) == (provider, rest)


@pytest.mark.parametrize("provider", OPENAI_WIRE)
def test_the_address_of_a_provider(provider: str) -> None:
    """Where LiteLLM knows one, the document gets the same; no variable of this shell counts."""
    _, _, _, base = part(LOGIC, "get_llm_provider")(f"{provider}/model")
    kind, tested = kind_of(provider, "model")

    assert (kind.provider, kind.model_type, tested) == ("OpenAI", "OpenAI", True)
    if base is not None and base.startswith("https://"):
        assert kind.endpoint == base
