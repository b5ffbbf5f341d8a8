"""A model's translator, found and tried once in the thread that loads."""

from typing import Final, NamedTuple

from llmproxy.infra.providers.long_tail.closed import closed
from llmproxy.infra.providers.long_tail.importing import Foreign, check_installed, load, part
from llmproxy.infra.providers.long_tail.media import Media, media
from llmproxy.infra.providers.long_tail.understanding import Understood, understood
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

OWN: Final = {
    "anthropic": "Anthropic",
    "azure": "AzureOpenAI",
    "azure_ai": "AzureFoundry",
    "openai": "OpenAI",
    "vertex_ai": "GoogleVertex",
    "vertex_ai_beta": "GoogleVertex",
}
"""Providers that have a model_type here."""


class Prepared(NamedTuple):
    """`config` is LiteLLM's translator for the provider; `model` the provider's own name."""

    provider: str
    model: str
    config: Foreign
    understood: Understood
    media: Media


def split(name: str) -> tuple[str, str]:
    """Return provider and model of a name such as `mistral/mistral-large-latest`.

    Raises Incomplete.
    """
    provider, slash, model = name.partition("/")
    if not slash or not provider or not model:
        raise Incomplete(
            "parameters.litellm_model must be a provider and its model, such as"
            " mistral/mistral-large-latest"
        )
    if provider in OWN:
        raise Incomplete(
            f"parameters.litellm_model: {provider} is called with model_type {OWN[provider]},"
            " without LiteLLM"
        )
    return provider, model


def prepare(name: str) -> Prepared:
    """Import LiteLLM, find the model's translator and try what it understands.

    Takes seconds the first time. Raises Incomplete, and whatever LiteLLM raises.
    """
    provider, model = split(name)
    check_installed()
    load()
    with closed():
        config = _config(provider, model)
        if config is None:
            raise Incomplete(f"parameters.litellm_model: LiteLLM has no translator for {provider}")
        return Prepared(
            provider,
            model,
            config,
            understood(config, model),
            media(provider, model, config),
        )


def _config(provider: str, model: str) -> Foreign:
    """Return LiteLLM's translator; it imports the provider's modules at this first question."""
    try:
        known = part("types.utils", "LlmProviders")(provider)
    except ValueError:
        raise Incomplete(
            f"parameters.litellm_model: LiteLLM knows no provider {provider[:60]}"
        ) from None
    return part("utils", "ProviderConfigManager").get_provider_chat_config(model, known)
