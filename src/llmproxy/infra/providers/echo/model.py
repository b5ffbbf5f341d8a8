"""A model that needs no account.

It answers with what it was sent, streams word by word and reports usage.

One word counts as one token. Answers have OpenAI's shape, so that an application can be built
against it.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.rendering import Rendering
from llmproxy.application.interfaces.upstream import Answering, Events, Reply, Streaming
from llmproxy.domain.errors import OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.chat import chat_answer, chat_events
from llmproxy.infra.providers.echo.completions import completion_answer, completion_events
from llmproxy.infra.providers.echo.embeddings import embeddings_answer
from llmproxy.infra.providers.echo.moderations import moderations_answer
from llmproxy.infra.providers.echo.responses import response_answer, response_events
from llmproxy.infra.providers.echo.streaming import EchoEvents

_encode = msgspec.json.Encoder().encode

ANSWERS: Mapping[Endpoint, Callable[[Call], tuple[dict[str, object], Usage]]] = {
    Endpoint.CHAT_COMPLETIONS: chat_answer,
    Endpoint.COMPLETIONS: completion_answer,
    Endpoint.RESPONSES: response_answer,
    Endpoint.EMBEDDINGS: embeddings_answer,
    Endpoint.MODERATIONS: moderations_answer,
}
STREAMS: Mapping[Endpoint, Callable[[Call], tuple[Iterator[bytes], Usage]]] = {
    Endpoint.CHAT_COMPLETIONS: chat_events,
    Endpoint.COMPLETIONS: completion_events,
    Endpoint.RESPONSES: response_events,
}


class Echo(Answering, Streaming, Rendering):
    """Never fails and never waits; refuses what it cannot read."""

    @override
    async def answer(self, call: Call) -> Reply:
        make = ANSWERS.get(call.endpoint)
        if make is None:
            raise _not_offered(call)
        answer, usage = make(call)
        return Reply([b"content-type: application/json"], _encode(answer), usage)

    @override
    async def stream(self, call: Call) -> Events:
        make = STREAMS.get(call.endpoint)
        if make is None:
            raise _not_offered(call)
        return EchoEvents(*make(call))

    @override
    async def render(self, call: Call) -> None:
        made = STREAMS if call.stream else ANSWERS
        make = made.get(call.endpoint)
        if make is None:
            raise _not_offered(call)
        make(call)  # refuses what it cannot read


def _not_offered(call: Call) -> OperationNotSupported:
    return OperationNotSupported(
        f"The echo model does not offer `/v1/{call.endpoint}`.", param="model"
    )
