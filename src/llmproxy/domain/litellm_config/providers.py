"""LiteLLM's providers, and the provider and model type of a document that stand for each."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from llmproxy.domain.vendor import TESTED_BEHIND_LITELLM


class Kind(NamedTuple):
    """How models of one of LiteLLM's providers are reached here."""

    provider: str
    model_type: str
    key: str | None = None
    """The variable that LiteLLM takes the key from when `api_key` is absent."""
    endpoint: str | None = None
    """Where the provider is, when `api_base` is absent: an address or a variable in capitals."""
    responses: bool = False
    """Whether `/v1/responses` is offered too."""


_OPENAI: Final = Kind("OpenAI", "OpenAI", "OPENAI_API_KEY", responses=True)
_LITELLM: Final = Kind("LiteLLM", "LiteLLM", responses=True)

NAMED: Final[Mapping[str, Kind]] = {
    "openai": _OPENAI,
    "text-completion-openai": _OPENAI,
    "azure": Kind("Azure", "AzureOpenAI", "AZURE_API_KEY", "AZURE_API_BASE", responses=True),
    "azure_text": Kind("Azure", "AzureOpenAI", "AZURE_API_KEY", "AZURE_API_BASE"),
    "azure_ai": Kind("Azure", "AzureFoundry", "AZURE_AI_API_KEY", "AZURE_AI_API_BASE"),
    "anthropic": Kind("Anthropic", "Anthropic", "ANTHROPIC_API_KEY", responses=True),
    "bedrock": _LITELLM,
    "cohere": _LITELLM._replace(key="COHERE_API_KEY"),
    "cohere_chat": _LITELLM._replace(key="COHERE_API_KEY"),
    "databricks": _LITELLM._replace(key="DATABRICKS_API_KEY", endpoint="DATABRICKS_API_BASE"),
    "gemini": _LITELLM._replace(key="GEMINI_API_KEY"),
    "mistral": _LITELLM._replace(key="MISTRAL_API_KEY"),
    "watsonx": _LITELLM._replace(key="WATSONX_API_KEY", endpoint="WATSONX_URL"),
}

_OPENAI_WIRE: Final[Mapping[str, tuple[str | None, str | None]]] = {
    "openai_like": (None, None),
    "custom_openai": (None, None),
    "aiohttp_openai": (None, "OPENAI_API_KEY"),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE", None),
    "litellm_proxy": ("LITELLM_PROXY_API_BASE", "LITELLM_PROXY_API_KEY"),
    "lm_studio": ("LM_STUDIO_API_BASE", None),
    "llamafile": ("http://127.0.0.1:8080/v1", None),
    "ollama": ("http://localhost:11434", None),
    "ollama_chat": ("http://localhost:11434", None),
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepinfra": ("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "deepseek": ("https://api.deepseek.com/beta", "DEEPSEEK_API_KEY"),
    "fireworks_ai": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "moonshot": ("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "nvidia_nim": ("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "perplexity": ("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "sambanova": ("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "together_ai": ("https://api.together.ai/v1", "TOGETHER_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
}
"""Providers that speak OpenAI's wire: address and variable of the key, as LiteLLM has them."""

OLLAMA: Final = frozenset({"ollama", "ollama_chat"})
VERTEX: Final = frozenset({"vertex_ai", "vertex_ai_beta"})

_VERTEX_TYPES: Final = (
    (re.compile(r"claude"), "GoogleVertexClaude"),
    (re.compile(r"mistral|codestral"), "GoogleVertexMistral"),
    (re.compile(r"jamba"), "GoogleVertexJamba"),
    (re.compile(r"^deepseek-ai/"), "GoogleVertexDeepSeek"),
    (re.compile(r"^meta/"), "GoogleVertexMeta"),
    (re.compile(r"^qwen/"), "GoogleVertexQwen"),
    (re.compile(r"^openai/gpt-oss"), "GoogleVertexOpenAI"),
    (re.compile(r"gemini|embedding|gecko|imagen|chirp|tts|^\d+$"), "GoogleVertex"),
)
_BARE: Final = (
    (re.compile(r"gpt-|o[1-9](-|$)|chatgpt-|text-embedding-|whisper-|tts-|dall-e"), "openai"),
    (re.compile(r"omni-moderation|text-moderation|davinci-002|babbage-002|ft:"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "vertex_ai"),
    (re.compile(r"command-"), "cohere_chat"),
)
"""Names without a provider, which LiteLLM finds in its list of models."""


def named_provider(model: str, said: object) -> tuple[str, str]:
    """Return LiteLLM's provider and the rest of `litellm_params.model`; the first may be empty."""
    if isinstance(said, str) and said:
        return said, model.removeprefix(f"{said}/")
    provider, slash, rest = model.partition("/")
    known = provider in NAMED or provider in _OPENAI_WIRE or provider in VERTEX
    if slash and (known or not _bare(model)):
        return provider, rest
    return _bare(model), model


def kind_of(provider: str, model: str) -> tuple[Kind, bool]:
    """Return how this is reached, and whether that was tried with this provider."""
    if provider in NAMED:
        tested = provider in TESTED_BEHIND_LITELLM or NAMED[provider].provider != "LiteLLM"
        return NAMED[provider], tested
    if provider in _OPENAI_WIRE:
        endpoint, key = _OPENAI_WIRE[provider]
        return Kind("OpenAI", "OpenAI", key, endpoint), True
    if provider in VERTEX:
        name = model.casefold()
        found = next((kind for sign, kind in _VERTEX_TYPES if sign.search(name)), None)
        if found is not None:
            return Kind("Google", found, responses=True), True
    return _LITELLM, False


def _bare(model: str) -> str:
    return next((provider for sign, provider in _BARE if sign.match(model)), "")
