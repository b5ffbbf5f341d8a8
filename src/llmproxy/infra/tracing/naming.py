"""What things are called in OpenTelemetry's conventions for generative AI.

https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-spans.md and
gen-ai-metrics.md, in development; read in November 2026). They were part of the semantic
conventions until version 1.41 and have kept their names.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint

OPERATIONS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {
        Endpoint.CHAT_COMPLETIONS: "chat",
        Endpoint.COMPLETIONS: "text_completion",
        Endpoint.RESPONSES: "chat",
        Endpoint.RESPONSES_COMPACT: "chat",
        Endpoint.RESPONSES_INPUT_TOKENS: "count_tokens",
        Endpoint.EMBEDDINGS: "embeddings",
        Endpoint.MODERATIONS: "moderation",
        Endpoint.IMAGES_GENERATIONS: "generate_content",
        Endpoint.IMAGES_EDITS: "generate_content",
        Endpoint.IMAGES_VARIATIONS: "generate_content",
        Endpoint.AUDIO_SPEECH: "generate_content",
        Endpoint.AUDIO_TRANSCRIPTIONS: "transcription",
        Endpoint.AUDIO_TRANSLATIONS: "translation",
        Endpoint.REALTIME: "realtime",
    }
)
"""`gen_ai.operation.name`. The conventions have no word for what is not `chat`, `text_completion`,
`embeddings` or `generate_content`; words of one's own are allowed."""

OUTPUT_TYPES: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {
        Endpoint.IMAGES_GENERATIONS: "image",
        Endpoint.IMAGES_EDITS: "image",
        Endpoint.IMAGES_VARIATIONS: "image",
        Endpoint.AUDIO_SPEECH: "speech",
    }
)

OF_A_TYPE: Final = MappingProxyType(
    {
        "AzureOpenAI": "azure.ai.openai",
        "AzureFoundry": "azure.ai.inference",
        "Anthropic": "anthropic",
        "Echo": "llmproxy.echo",
    }
)
OF_A_HOST: Final = MappingProxyType(
    {
        ".deepseek.com": "deepseek",
        ".groq.com": "groq",
        ".mistral.ai": "mistral_ai",
        ".perplexity.ai": "perplexity",
        ".x.ai": "x_ai",
    }
)
"""Of servers that speak OpenAI's wire; any other is `openai`, whose format it speaks."""
BEHIND_LITELLM: Final = MappingProxyType(
    {
        "bedrock": "aws.bedrock",
        "bedrock_converse": "aws.bedrock",
        "cohere_chat": "cohere",
        "gemini": "gcp.gemini",
        "mistral": "mistral_ai",
        "vertex_ai": "gcp.vertex_ai",
        "watsonx": "ibm.watsonx.ai",
        "xai": "x_ai",
    }
)
"""By the first part of LiteLLM's name of a model; any other is called as LiteLLM calls it."""
OWN_HOSTS: Final = MappingProxyType({"OpenAI": "api.openai.com", "Anthropic": "api.anthropic.com"})
PORTS: Final = MappingProxyType({"http": 80, "https": 443})
MAX_KNOWN: Final = 20_000


class Place(NamedTuple):
    """A deployment, as its spans and figures name it; `address` is None where it is not known."""

    provider: str
    model: str
    """The provider's own name of it."""
    deployment: str
    """The id of its document."""
    address: str | None
    port: int | None


class Places:
    """Those of the deployments that were asked, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Model, Place]] = {}

    def of(self, model: Model) -> Place:
        """Return how a deployment is named."""
        known = self._known.get(model.id)
        if known is not None and known[0] is model:
            return known[1]
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        place = place_of(model)
        self._known[model.id] = model, place
        return place


def place_of(model: Model) -> Place:
    """Read a document's place and names."""
    parameters = model.parameters
    address, port = _address(model)
    foreign = parameters.extra.get("litellm_model")
    if model.model_type == "LiteLLM" and isinstance(foreign, str):
        first, _, name = foreign.partition("/")
        return Place(BEHIND_LITELLM.get(first, first), name or first, model.id, address, port)
    name = parameters.deployment_name or parameters.model or model.code
    return Place(_provider(model, address), name, model.id, address, port)


def _provider(model: Model, address: str | None) -> str:
    kind = model.model_type
    if kind.startswith("GoogleVertex"):
        return "gcp.vertex_ai"
    if kind == "OpenAI":
        host = f".{address}"
        return next((name for end, name in OF_A_HOST.items() if host.endswith(end)), "openai")
    return OF_A_TYPE.get(kind, kind)


def _address(model: Model) -> tuple[str | None, int | None]:
    parameters = model.parameters
    if parameters.endpoint:
        try:
            parts = urlsplit(parameters.endpoint)
            return parts.hostname, parts.port or PORTS.get(parts.scheme)
        except ValueError:
            return None, None
    host = OWN_HOSTS.get(model.model_type)
    if model.provider == "Google":
        host = _vertex(parameters.location)
    return (None, None) if host is None else (host, 443)


def _vertex(location: str | None) -> str:
    """Return the host as Google names it (its page "Locations"), for documents that name none."""
    if location in (None, "global"):
        return "aiplatform.googleapis.com"
    if location in ("us", "eu"):
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


METHODS: Final = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
ENDPOINTS: Final = frozenset(f"/v1/{endpoint}" for endpoint in Endpoint)
OTHER_ROUTES: Final = frozenset(
    ("/v1/models", "/v1/audio/realtime", "/v1/realtime/client_secrets", "/v1/usage")
)
RESPONSES: Final = "/v1/responses/"
MODELS: Final = "/v1/models/"


def method_of(method: str) -> str:
    """Return the method, `_OTHER` for one that is not known: anybody may send any word."""
    return method if method in METHODS else "_OTHER"


def route_of(path: str) -> str | None:
    """Return the template of a path, None for one that is not served: anybody may ask for any."""
    if path in ENDPOINTS or path in OTHER_ROUTES:
        return path
    if path.startswith(RESPONSES):
        _, _, below = path[len(RESPONSES) :].partition("/")
        if below in ("", "cancel", "input_items"):
            return RESPONSES + "{response_id}" + (f"/{below}" if below else "")
    return MODELS + "{model}" if path.startswith(MODELS) else None
