"""Whether a provider takes a key, found without asking a model: by its list of models.

For providers that speak OpenAI's wire: `GET /v1/models` (OpenAI's API reference, "List models") and
Azure's `GET /openai/models` (Azure OpenAI REST API, "Models - List"), which cost nothing. Others
are found by asking a model.
"""

from typing import Final, NamedTuple

from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.claude.sites import is_claude_on_foundry
from llmproxy.infra.providers.credentials.credential import Credential, signed
from llmproxy.infra.providers.openai_wire.endpoints import ROWS
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.target import Patience

_CHAT: Final = "chat/completions"
_OF_A_DEPLOYMENT: Final = "/deployments/"


class List(NamedTuple):
    """Where a provider lists its models, and the headers that show who asks; these hold a key."""

    url: str
    headers: dict[str, str]


def list_of(model: Model, secret: Secret | None) -> List | None:
    """Return where this model's provider lists models; None where that is not known.

    Raises ValueError for a document that its wire refuses.
    """
    if model.model_type not in ROWS or is_claude_on_foundry(model):
        return None
    site = ROWS[model.model_type](model, secret)
    chat = site.url(Endpoint.CHAT_COMPLETIONS)
    if chat is None:
        return None
    path, mark, query = chat.partition("?")
    before, found, _ = path.partition(_OF_A_DEPLOYMENT)
    if found:
        return List(f"{before}/models{mark}{query}", dict(site.headers))
    if not path.endswith(f"/{_CHAT}"):
        return None
    return List(f"{path.removesuffix(_CHAT)}models{mark}{query}", dict(site.headers))


async def status_of(
    client: HttpClient, asked: List, credential: Credential | None, limit_s: float
) -> int:
    """Ask for the list; return the status. Raises TransportError, and OwnFault without a token."""
    headers = await signed({**asked.headers, "accept-encoding": "identity"}, credential)
    target = client.target(asked.url, headers, "GET")
    exchange, _ = await client.fetch(target, b"", Patience(limit_s, limit_s, limit_s, limit_s))
    return exchange.status
