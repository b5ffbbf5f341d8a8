"""The rows: where each OpenAI-wire provider is called, and with which headers.

| row | URL of an endpoint such as `chat/completions` | authentication |
|---|---|---|
| OpenAI and compatible | `{endpoint}/…` | `Authorization: Bearer`, or none |
| Azure OpenAI, dated | `{endpoint}/openai/deployments/{deployment}/…?api-version=` | `api-key` |
| Azure OpenAI and Foundry, v1 | `{endpoint}/openai/v1/…` | `api-key` |
| Azure AI Foundry, legacy | `{endpoint}/models/…?api-version=` | `api-key` |

With an identity at Entra ID each of Azure's has `Authorization: Bearer` instead.

The dated API has no path under a deployment for responses, moderations, realtime and image
variations; all but the last go to v1. The legacy one has chat completions and embeddings; the rest
goes to v1.

Azure: learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and .../rest-api (2026-11).
The official clients (openai-python 3.54.0 `lib/azure.py`, azure-ai-inference 1.0.0b9) call the same
paths.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.credential import Credential
from llmproxy.infra.providers.openai_wire.accent import PLAIN, Accent

OPENAI_ENDPOINT = "https://api.openai.com/v1"
AZURE_STREAM_OPTIONS_FROM = "2024-08-01"
"""Older dated versions answer 400 to `stream_options` (openai-python issue 1469)."""
NOT_AZURE = frozenset((Endpoint.IMAGES_VARIATIONS,))
NOT_UNDER_A_DEPLOYMENT = frozenset(
    (
        Endpoint.RESPONSES,
        Endpoint.RESPONSES_COMPACT,
        Endpoint.RESPONSES_INPUT_TOKENS,
        Endpoint.MODERATIONS,
        Endpoint.REALTIME,
    )
)
FOUNDRY_LEGACY = frozenset((Endpoint.CHAT_COMPLETIONS, Endpoint.EMBEDDINGS))
FOUNDRY_LEGACY_VERSION = "2024-05-01-preview"


class Incomplete(ValueError):
    """The document lacks what its endpoint needs; the message names the field."""


class Site(NamedTuple):
    """Where a provider is called: its headers and the name it knows the model by.

    `url` gives the URL of an endpoint, None for one that the provider does not have.
    `stream_options` is false where that field of a chat completion is refused, so that a stream's
    usage stays unknown. `deployment` is what v1 knows the model by where that differs from `model`.
    `accent` is how its wire differs. `credential` adds the header that changes over time, where a
    key is not among `headers`. Of a `provisioned` deployment it is read how full it is.
    """

    url: Callable[[Endpoint], str | None]
    headers: dict[str, str]
    model: str
    stream_options: bool = True
    deployment: str | None = None
    credential: Credential | None = None
    accent: Accent = PLAIN
    provisioned: bool = False


def upstream_model(model: Model) -> str:
    """Return the provider's name of a model.

    `parameters.model`, else `deployment_name`, else `code`.
    """
    parameters = model.parameters
    return parameters.model or parameters.deployment_name or model.code


def openai(model: Model, secret: Secret | None) -> Site:
    """Call OpenAI, or any server that speaks its wire at another `endpoint`."""
    root = (model.parameters.endpoint or OPENAI_ENDPOINT).rstrip("/")
    headers = {} if secret is None else {"authorization": f"Bearer {secret.expose()}"}
    return Site(lambda endpoint: f"{root}/{endpoint}", headers, upstream_model(model))


def azure_openai(model: Model, secret: Secret | None) -> Site:
    """Call the dated API when a deployment and a version are named, else v1."""
    parameters = model.parameters
    root = _root(parameters)
    if root.endswith("/openai/v1") or not (parameters.deployment_name and parameters.api_version):
        return _azure_v1(root, model, secret)
    root = root.removesuffix("/openai")
    deployment = quote(parameters.deployment_name, safe="")
    version = quote(parameters.api_version, safe="")

    def url(endpoint: Endpoint) -> str | None:
        if endpoint in NOT_AZURE:
            return None
        if endpoint in NOT_UNDER_A_DEPLOYMENT:
            return f"{root}/openai/v1/{endpoint}"
        return f"{root}/openai/deployments/{deployment}/{endpoint}?api-version={version}"

    return Site(
        url,
        _api_key(model, secret),
        parameters.model or parameters.deployment_name,
        stream_options=parameters.api_version[:10] >= AZURE_STREAM_OPTIONS_FROM,
        deployment=parameters.deployment_name,
    )


def azure_foundry(model: Model, secret: Secret | None) -> Site:
    """v1, or the legacy model inference API when the endpoint ends in `/models`."""
    root = _root(model.parameters)
    v1 = _azure_v1(root, model, secret)
    if not root.endswith("/models"):
        return v1
    version = quote(model.parameters.api_version or FOUNDRY_LEGACY_VERSION, safe="")

    def url(endpoint: Endpoint) -> str | None:
        if endpoint in FOUNDRY_LEGACY:
            return f"{root}/{endpoint}?api-version={version}"
        return v1.url(endpoint)

    headers = v1.headers | {"extra-parameters": "pass-through"}
    return Site(url, headers, upstream_model(model))


def _azure_v1(root: str, model: Model, secret: Secret | None) -> Site:
    root = root.removesuffix("/models").removesuffix("/openai/v1").removesuffix("/openai")
    deployment = model.parameters.deployment_name or upstream_model(model)

    def url(endpoint: Endpoint) -> str | None:
        return None if endpoint in NOT_AZURE else f"{root}/openai/v1/{endpoint}"

    return Site(url, _api_key(model, secret), deployment)


def _root(parameters: Parameters) -> str:
    if not parameters.endpoint:
        raise Incomplete(
            "parameters.endpoint is missing (or AZURE_OPENAI_ENDPOINT in the environment)"
        )
    return parameters.endpoint.rstrip("/")


def _api_key(model: Model, secret: Secret | None) -> dict[str, str]:
    if model.parameters.identity is not None:
        return {}
    if secret is None:
        raise Incomplete(
            'parameters.secret_name is missing; for Entra ID say "auth": "entra" in parameters'
        )
    return {"api-key": secret.expose()}


ROWS: Mapping[str, Callable[[Model, Secret | None], Site]] = {
    "OpenAI": openai,
    "AzureOpenAI": azure_openai,
    "AzureFoundry": azure_foundry,
}
"""`model_type` of a document to its row."""
