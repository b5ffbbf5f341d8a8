"""Open models that Vertex AI serves on OpenAI's wire: DeepSeek, Llama, Qwen and gpt-oss.

`{root}/endpoints/openapi/chat/completions`, where a model is called `{publisher}/{model}`. The wire
knows `max_tokens` only, and the first chunk of a Llama's stream may lack the role (litellm 1.110.2
`llms/vertex_ai/vertex_ai_partner_models/llama3/transformation.py`, which mends the same).
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.openai_wire.accent import Accent
from llmproxy.infra.providers.openai_wire.chat_events import ChatEvents
from llmproxy.infra.providers.openai_wire.endpoints import Site, upstream_model
from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.providers.vertex.failures import google_failure
from llmproxy.infra.providers.vertex.places import vertex_root
from llmproxy.infra.wire.unreadable import UNREADABLE

PUBLISHERS: Mapping[str, str] = {
    "GoogleVertexDeepSeek": "deepseek-ai",
    "GoogleVertexMeta": "meta",
    "GoogleVertexQwen": "qwen",
    "GoogleVertexOpenAI": "openai",
}
ROLE = msgspec.Raw(b'"assistant"')
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_choices = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_encode = msgspec.json.Encoder().encode


def vertex_maas(model: Model, _secret: Secret | None) -> Site:
    """Call Vertex's own endpoint of OpenAI's wire. Raises Incomplete."""
    root = vertex_root(model.parameters)
    chat = f"{root}/endpoints/openapi/{Endpoint.CHAT_COMPLETIONS}"
    name = _published(upstream_model(model), PUBLISHERS[model.model_type])
    developers = model.model_type == "GoogleVertexOpenAI"
    accent = Accent(
        renamed=(("max_completion_tokens", "max_tokens"),),
        developers=developers,
        failure=google_failure,
        events=_events,
    )
    return Site(
        lambda endpoint: chat if endpoint is Endpoint.CHAT_COMPLETIONS else None,
        {},
        name,
        accent=accent,
    )


def _published(name: str, publisher: str) -> str:
    """Return `publisher/model`; what an operator has put before the model already stays."""
    bare = name.removeprefix(f"publishers/{publisher}/models/").removeprefix(f"{publisher}/models/")
    return bare if "/" in bare else f"{publisher}/{bare}"


def _events(exchange: Exchange, again: Again, call: Call, *, hide_usage: bool) -> ChatEvents:
    return MaasEvents(exchange, again, hide_usage=hide_usage, choices=call.choices)


class MaasEvents(ChatEvents):
    """Puts the role into the first chunk of each choice where it is missing."""

    def __init__(self, exchange: Exchange, again: Again, *, hide_usage: bool, choices: int) -> None:
        super().__init__(exchange, again, hide_usage=hide_usage)
        self._missing = choices
        self._begun: set[bytes] = set()

    @override
    def special(self, data: bytes) -> bool:
        return super().special(data) or self._missing > 0

    @override
    def shown(self, event: bytes, content: bytes) -> bytes:
        if self._missing <= 0:
            return event
        changed = self._with_roles(content)
        return event if changed is None else b"data: " + changed

    def _with_roles(self, content: bytes) -> bytes | None:
        """Return the chunk with roles, None when it needs none."""
        try:
            chunk = _fields.decode(content)
            choices = _choices.decode(chunk.get("choices", b"[]"))
            changed = [self._begin(choice) for choice in choices]
        except UNREADABLE:
            return None
        if not any(changed):
            return None
        chunk["choices"] = msgspec.Raw(_encode(choices))
        return _encode(chunk)

    def _begin(self, choice: dict[str, msgspec.Raw]) -> bool:
        """Put the role into a choice that begins without one; return whether it was put in."""
        index = bytes(choice.get("index", b"0"))
        if index in self._begun:
            return False
        self._begun.add(index)
        self._missing -= 1
        delta = _fields.decode(choice.get("delta", b"{}"))
        if "role" in delta:
            return False
        choice["delta"] = msgspec.Raw(_encode({"role": ROLE, **delta}))
        return True

    @override
    def refusal(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return google_failure(status, headers, body)


MAAS_ROWS: Mapping[str, Callable[[Model, Secret | None], Site]] = dict.fromkeys(
    PUBLISHERS, vertex_maas
)
"""`model_type` of a document to its row."""
