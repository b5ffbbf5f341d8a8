"""The providers a document may name, and the model types that belong to each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Vendor:
    """What documents of one provider have in common.

    `defaults` names, per parameter, the environment variable that stands in for a document which
    leaves it out. `secret_name` is the usual name of the vendor's key; it is assumed only for the
    vendor's own hosts, so that no key travels to a stranger.
    """

    name: str
    model_types: tuple[str, ...]
    secret_name: str | None = None
    own_hosts: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    """Parameters without which no request can be made."""
    has_identities: bool = False
    """Whether a document may name an identity at Entra ID instead of a key."""


VENDORS: Final = (
    Vendor(
        "Azure",
        ("AzureOpenAI", "AzureFoundry"),
        secret_name="AZURE_OPENAI_API_KEY",  # noqa: S106 - the name of a variable, not a value
        own_hosts=(".azure.com", ".azure.us", ".azure.cn"),
        defaults={
            "endpoint": "AZURE_OPENAI_ENDPOINT",
            "api_version": "AZURE_OPENAI_API_VERSION",
        },
        needed=("endpoint",),
        has_identities=True,
    ),
    Vendor(
        "Google",
        (
            "GoogleVertex",
            "GoogleVertexClaude",
            "GoogleVertexDeepSeek",
            "GoogleVertexMeta",
            "GoogleVertexMistral",
            "GoogleVertexJamba",
            "GoogleVertexQwen",
            "GoogleVertexOpenAI",
        ),
        defaults={"gcp_project": "GOOGLE_PROJECT_ID"},
        needed=("gcp_project", "location"),
    ),
    Vendor(
        "OpenAI",
        ("OpenAI",),
        secret_name="OPENAI_API_KEY",  # noqa: S106 - the name of a variable, not a value
        own_hosts=(".openai.com",),
    ),
    Vendor(
        "Anthropic",
        ("Anthropic",),
        secret_name="ANTHROPIC_API_KEY",  # noqa: S106 - the name of a variable, not a value
        own_hosts=(".anthropic.com",),
    ),
    Vendor("LiteLLM", ("LiteLLM",)),
    Vendor("Local", ("Echo",)),
)

TESTED_BEHIND_LITELLM: Final = frozenset(
    {"bedrock", "cohere", "databricks", "gemini", "mistral", "watsonx"}
)
"""LiteLLM's providers whose requests, answers and streams are compared with recorded ones."""

WITHOUT_DATED_API: Final = frozenset({"AzureFoundry"})
"""Types whose API versions are not those of Azure OpenAI: they take no default of it."""

MEDIA_TYPES: Final = frozenset({"AzureOpenAI", "AzureFoundry", "GoogleVertex", "OpenAI", "LiteLLM"})
"""Types that can make images, speech or transcripts; the others only understand images in chat."""


def match(written: str, known: Iterable[str]) -> str | None:
    """Find the spelling in `known` that equals `written` but for capitals, or None."""
    return next((name for name in known if name.casefold() == written.casefold()), None)
