"""Where Claude is called, and what differs there.

| `model_type` | URL | key | version |
|---|---|---|---|
| `Anthropic` | `{endpoint}/v1/messages` | `x-api-key` | header `anthropic-version` |
| `AzureFoundry` | `{resource}/anthropic/v1/messages` | `x-api-key` and `api-key` | the same |
| `GoogleVertexClaude` | `…/publishers/anthropic/models/{model}:rawPredict`, for a stream \
`:streamRawPredict` | none: a token | `anthropic_version` in the body, which has no `model` |

Sources: `_client.py`, `lib/foundry.py` and `lib/vertex/_client.py` of anthropic 2.12.0. The version
is the one of 2023, which all of Anthropic's models take: the one of 2026-10-21, which that client
sends, refuses `temperature` and `top_p` for models that have them (platform.claude.com,
"Versions").
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmproxy.domain.model import Model
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete, upstream_model
from llmproxy.infra.providers.transport.target import Target
from llmproxy.infra.providers.vertex.places import publisher_model, vertex_root

ANTHROPIC_ENDPOINT = "https://api.anthropic.com"
VERSION = "2023-06-01"
VERTEX_VERSION = "vertex-2023-10-16"
_HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
_PATHS = ("/messages", "/v1", "/anthropic", "/models", "/openai")

MakeTarget = Callable[[str, dict[str, str]], Target]


class ClaudeSite(NamedTuple):
    """`fixed` are fields of every body: the model, or what Vertex has in its place.

    `own` is Anthropic's own API, which takes a few things that the clouds do not (yet).
    """

    plain: Target
    streamed: Target
    fixed: Mapping[str, str]
    own: bool = False


def is_claude_on_foundry(model: Model) -> bool:
    """Whether a document of the type AzureFoundry is to be called in Anthropic's words."""
    if model.model_type != "AzureFoundry":
        return False
    root = (model.parameters.endpoint or "").rstrip("/")
    if root.endswith(("/anthropic", "/anthropic/v1", "/anthropic/v1/messages")):
        return True
    names = (model.parameters.model, model.parameters.deployment_name, upstream_model(model))
    return any(name.startswith(("claude", "anthropic/claude")) for name in names if name)


def anthropic(make: MakeTarget, model: Model, secret: Secret | None) -> ClaudeSite:
    """Call Anthropic, or another server that speaks its wire. Raises Incomplete without a key."""
    endpoint = model.parameters.endpoint
    if secret is None and not endpoint:
        raise Incomplete("parameters.secret_name is missing (or ANTHROPIC_API_KEY)")
    url = f"{_root(endpoint or ANTHROPIC_ENDPOINT)}/v1/messages"
    headers = _HEADERS | {"anthropic-version": VERSION}
    if secret is not None:
        headers["x-api-key"] = secret.expose()
    target = make(url, headers)
    return ClaudeSite(target, target, {"model": _bare(model)}, own=True)


def foundry(make: MakeTarget, model: Model, secret: Secret | None) -> ClaudeSite:
    """Call Claude on Azure AI Foundry. Raises Incomplete without endpoint or key.

    A document that names an identity has no key: its token comes from a credential.
    """
    parameters = model.parameters
    if not parameters.endpoint:
        raise Incomplete(
            "parameters.endpoint is missing (or AZURE_OPENAI_ENDPOINT in the environment)"
        )
    if secret is None and parameters.identity is None:
        raise Incomplete("parameters.secret_name is missing")
    headers = _HEADERS | {"anthropic-version": VERSION}
    if secret is not None:
        key = secret.expose()
        headers |= {"x-api-key": key, "api-key": key}
    target = make(f"{_root(parameters.endpoint)}/anthropic/v1/messages", headers)
    name = parameters.deployment_name or upstream_model(model)
    return ClaudeSite(target, target, {"model": name})


def vertex(make: MakeTarget, model: Model, _secret: Secret | None) -> ClaudeSite:
    """Call Claude on Vertex AI. Raises Incomplete without project or location."""
    named = publisher_model(upstream_model(model), "anthropic")
    url = f"{vertex_root(model.parameters)}/{named}"
    return ClaudeSite(
        make(f"{url}:rawPredict", _HEADERS),
        make(f"{url}:streamRawPredict", _HEADERS),
        {"anthropic_version": VERTEX_VERSION},
    )


SITES: Mapping[str, Callable[[MakeTarget, Model, Secret | None], ClaudeSite]] = {
    "Anthropic": anthropic,
    "AzureFoundry": foundry,
    "GoogleVertexClaude": vertex,
}
"""`model_type` of a document to its site; of AzureFoundry those that `is_claude_on_foundry`."""


def _root(endpoint: str) -> str:
    """Return the endpoint without what operators copy along with it from a vendor's page."""
    root = endpoint.rstrip("/")
    for path in _PATHS:
        root = root.removesuffix(path)
    return root


def _bare(model: Model) -> str:
    name = upstream_model(model)
    for prefix in ("publishers/anthropic/", "anthropic/", "models/"):
        name = name.removeprefix(prefix)
    return name
