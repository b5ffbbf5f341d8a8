"""Where a Gemini model is called on Vertex AI.

| name in the document | path behind `…/locations/{location}` |
|---|---|
| `gemini-2.5-flash`, with or without `google/`, `models/`, `publishers/google/models/` \
| `/publishers/google/models/gemini-2.5-flash` |
| `endpoints/123`, or a number: a tuned model | `/endpoints/123` |

Behind it `:generateContent`, or `:streamGenerateContent?alt=sse`. google-genai 3.6.1 calls the same
under v1beta1; v1 has both, and all fields that are sent here (discovery revision 20261106).
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from llmproxy.domain.model import Model
from llmproxy.infra.providers.openai_wire.endpoints import upstream_model
from llmproxy.infra.providers.transport.target import Target
from llmproxy.infra.providers.vertex.places import publisher_model, vertex_root

HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
MakeTarget = Callable[[str, dict[str, str]], Target]


class GeminiSite(NamedTuple):
    """The targets of one model; the token is added to their heads."""

    plain: Target
    streamed: Target


def gemini_site(make: MakeTarget, model: Model) -> GeminiSite:
    """Return where the model is called. Raises Incomplete without project or location."""
    url = f"{vertex_root(model.parameters)}/{google_model(upstream_model(model))}"
    return GeminiSite(
        make(f"{url}:generateContent", HEADERS),
        make(f"{url}:streamGenerateContent?alt=sse", HEADERS),
    )


def google_model(name: str) -> str:
    """Return the path of one of Google's models, or of an endpoint that a tuned one runs at."""
    bare = name.strip("/")
    _, tuned, endpoint = f"/{bare}".rpartition("/endpoints/")
    if tuned or bare.isdigit():
        return f"endpoints/{quote(endpoint if tuned else bare, safe='')}"
    _, _, bare = bare.rpartition("publishers/google/models/")
    return publisher_model(bare, "google")
