"""Where a project's models are called on Vertex AI, and how a publisher's model is named there.

| location | host |
|---|---|
| `global` | `aiplatform.googleapis.com` |
| `us`, `eu` (several regions) | `aiplatform.{location}.rep.googleapis.com` |
| a region | `{location}-aiplatform.googleapis.com` |

Source: anthropic-sdk-python 2.12.0 `lib/vertex.py` and google-genai 3.4.0 `_api_client.py`, which
make the same three. `parameters.endpoint` replaces scheme and host: a private endpoint, or a
simulator.
"""

import re
from typing import Final
from urllib.parse import quote

from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

SEVERAL_REGIONS: Final = frozenset(("us", "eu"))
_LOCATION: Final = re.compile(r"[a-z][a-z0-9-]*")
_VERSION: Final = re.compile(r"/v[0-9]+(?:(?:alpha|beta)[0-9]+)?\Z")


def vertex_root(parameters: Parameters) -> str:
    """Return `https://host/v1/projects/{project}/locations/{location}`.

    The location becomes a part of a host that a token is sent to, so it is checked here once more.
    Raises Incomplete when the document lacks the project or the location.
    """
    return f"{vertex_host(parameters)}/{vertex_place(parameters)}"


def vertex_host(parameters: Parameters) -> str:
    """Return `https://host/v1`; an endpoint that names a version itself (`/v1beta1`) keeps it."""
    if parameters.endpoint:
        root = parameters.endpoint.rstrip("/")
        return root if _VERSION.search(root) else f"{root}/v1"
    return f"https://{_host(_location(parameters))}/v1"


def vertex_place(parameters: Parameters) -> str:
    """Return `projects/{project}/locations/{location}`. Raises Incomplete."""
    if not parameters.gcp_project:
        raise Incomplete(
            "parameters.gcp_project is missing (or GOOGLE_PROJECT_ID in the environment)"
        )
    return f"projects/{quote(parameters.gcp_project, safe=':')}/locations/{_location(parameters)}"


def publisher_model(name: str, publisher: str) -> str:
    """Return `publishers/{publisher}/models/{model}` for any spelling of a model's name.

    Operators write `claude-x`, `anthropic/claude-x`, `models/claude-x` or the whole path: what
    stands there is not put there twice.
    """
    bare = name.strip("/")
    for prefix in (f"publishers/{publisher}/models/", f"{publisher}/models/", f"{publisher}/"):
        bare = bare.removeprefix(prefix)
    bare = bare.removeprefix("models/")
    return f"publishers/{publisher}/models/{quote(bare, safe='@')}"


def _location(parameters: Parameters) -> str:
    location = parameters.location
    if not location:
        raise Incomplete(
            "parameters.location is missing (a region such as us-central1, or global, us, eu)"
        )
    if not _LOCATION.fullmatch(location):
        raise Incomplete("parameters.location must be lower-case letters, digits and hyphens")
    return location


def _host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in SEVERAL_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"
