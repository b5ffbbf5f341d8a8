"""Chat completions of Mistral and Jamba on Vertex AI (`:rawPredict`, `:streamRawPredict`)."""

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.near_openai.answer import NearEvents, translated
from llmproxy.infra.providers.near_openai.manners import JAMBA, MISTRAL, Manners
from llmproxy.infra.providers.near_openai.request import request_body
from llmproxy.infra.providers.openai_wire.endpoints import upstream_model
from llmproxy.infra.providers.translated.chat_answer import answer_head, asks_for_usage
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader, Sent, Translated, Translation
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.target import Target
from llmproxy.infra.providers.vertex.failures import google_failure
from llmproxy.infra.providers.vertex.places import publisher_model, vertex_root

MANNERS: Mapping[str, Manners] = {"GoogleVertexMistral": MISTRAL, "GoogleVertexJamba": JAMBA}
HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}


def near_openai_translations(client: HttpClient, model: Model) -> Mapping[Endpoint, Translation]:
    """Return what a document of these types offers. Raises Incomplete."""
    chat = NearOpenAIChat(client.target, model, MANNERS[model.model_type])
    return {Endpoint.CHAT_COMPLETIONS: chat}


class NearOpenAIChat(Translation):
    """One model; `rawPredict` answers in one piece, `streamRawPredict` in events."""

    def __init__(
        self, make: Callable[[str, dict[str, str]], Target], model: Model, manners: Manners
    ) -> None:
        """`make` gives the target of a URL with headers."""
        parameters = model.parameters
        name = upstream_model(model)
        path = publisher_model(name, manners.publisher)
        url = f"{vertex_root(parameters)}/{path}"
        self._whole = make(f"{url}:rawPredict", HEADERS)
        self._events = make(f"{url}:streamRawPredict", HEADERS)
        self._manners = manners
        self._parameters = parameters
        self._model = path.rpartition("/")[2]

    @override
    async def request(self, call: Call) -> Sent:
        made = request_body(call, self._manners, self._parameters, self._model)
        return Sent(self._events if call.stream else self._whole, made.body, made.dropped)

    @override
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        return translated(answer_head(call), body)

    @override
    def reader(self, call: Call, sent: Sent) -> Reader:
        return self.reading(call)

    def reading(self, call: Call) -> NearEvents:
        """Return what reads a streamed answer to this call."""
        return NearEvents(ChatChunks(answer_head(call), include_usage=asks_for_usage(call)))

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return google_failure(status, headers, body)
