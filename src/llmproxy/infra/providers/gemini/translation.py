"""Chat completions of a Gemini model: the translation that the frame sends and reads with.

Ours, not LiteLLM's: ARCHITECTURE.md says why.
"""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.gemini.answer import translated_answer
from llmproxy.infra.providers.gemini.events import GeminiReader
from llmproxy.infra.providers.gemini.generation import generation_of
from llmproxy.infra.providers.gemini.request import Requests
from llmproxy.infra.providers.gemini.sites import GeminiSite, gemini_site
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Reader, Sent, Translated, Translation
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.vertex.failures import google_failure

_encode = msgspec.json.Encoder().encode


def gemini_translations(
    client: HttpClient, model: Model, kept: KeptReasoning
) -> Mapping[Endpoint, Translation]:
    """Return what a Gemini model offers of chat, by endpoint.

    Raises Incomplete (a ValueError) when its document lacks project or location.
    """
    site = gemini_site(client.target, model)
    return {Endpoint.CHAT_COMPLETIONS: GeminiChat(site, model, kept)}


class GeminiChat(Translation):
    """Chat completions of one deployment."""

    def __init__(self, site: GeminiSite, model: Model, kept: KeptReasoning) -> None:
        self._site = site
        self._kept = kept
        self._requests = Requests(generation_of(model), model.parameters, kept)

    @override
    async def request(self, call: Call) -> Sent:
        asked = self._requests.read(call)
        target = self._site.streamed if call.stream else self._site.plain
        remarks = asked.remarks
        return Sent(target, _encode(asked.body), tuple(remarks.dropped), tuple(remarks.changed))

    @override
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        return translated_answer(call, body, self._kept)

    @override
    def reader(self, call: Call, sent: Sent) -> Reader | None:
        return GeminiReader(call, self._kept)

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return google_failure(status, headers, body)
