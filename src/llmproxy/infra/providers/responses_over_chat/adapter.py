"""`/v1/responses` over a chat: any adapter that answers chat completions."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.rendering import Rendered, Rendering
from llmproxy.application.interfaces.upstream import Answering, Events, Reply, Streaming
from llmproxy.domain.errors import Broken, GatewayError, OperationNotSupported
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.responses_over_chat.chat_words import read_chat
from llmproxy.infra.providers.responses_over_chat.conversation import MISMATCH
from llmproxy.infra.providers.responses_over_chat.event_writer import Unwritten
from llmproxy.infra.providers.responses_over_chat.events import OverChatEvents
from llmproxy.infra.providers.responses_over_chat.output import Output
from llmproxy.infra.providers.responses_over_chat.request import Asked, chat_request
from llmproxy.infra.providers.responses_over_chat.response import ResponseObject
from llmproxy.infra.providers.responses_over_chat.vocabulary import (
    error_back,
    fields_back,
    headers_back,
)

NOT_OFFERED = frozenset((Endpoint.RESPONSES_COMPACT, Endpoint.RESPONSES_INPUT_TOKENS))
MAX_NAMED = 20
_encode = msgspec.json.Encoder().encode


class ResponsesOverChat(Answering, Streaming, Rendering):
    """Asks `answering` and `streaming` chat completions for responses; the rest passes to them.

    `rendering` says what they would send.

    Nothing is kept: a response says `store: false`, and its id finds nothing later.
    """

    def __init__(self, answering: Answering, streaming: Streaming, rendering: Rendering) -> None:
        self._answering = answering
        self._rendering = rendering
        self._streaming = streaming

    @override
    async def answer(self, call: Call) -> Reply:
        if call.endpoint is not Endpoint.RESPONSES:
            _check_offered(call)
            return await self._answering.answer(call)
        asked = chat_request(call)
        try:
            reply = await self._answering.answer(_chat_call(call, asked))
        except GatewayError as error:
            raise error_back(error, asked.places) from error
        return Reply(
            headers_back(reply.headers, _dropped(call, asked)),
            _response(call, asked, reply),
            reply.usage,
        )

    @override
    async def stream(self, call: Call) -> Events:
        if call.endpoint is not Endpoint.RESPONSES:
            _check_offered(call)
            return await self._streaming.stream(call)
        asked = chat_request(call)
        try:
            chat = await self._streaming.stream(_chat_call(call, asked))
        except GatewayError as error:
            raise error_back(error, asked.places) from error
        return OverChatEvents(chat, call, asked, _dropped(call, asked))

    @override
    async def render(self, call: Call) -> Rendered | None:
        if call.endpoint is not Endpoint.RESPONSES:
            _check_offered(call)
            return await self._rendering.render(call)
        asked = chat_request(call)
        try:
            chat = await self._rendering.render(_chat_call(call, asked))
        except GatewayError as error:
            raise error_back(error, asked.places) from error
        if chat is None:
            return None
        dropped = fields_back(chat.dropped, _dropped(call, asked))
        return chat._replace(changed=fields_back(chat.changed), dropped=dropped)


def _check_offered(call: Call) -> None:
    if call.endpoint in NOT_OFFERED:
        raise OperationNotSupported(
            f"The provider of this model does not offer `/v1/{call.endpoint}`.", param="model"
        )


def _chat_call(call: Call, asked: Asked) -> Call:
    return replace(call, endpoint=Endpoint.CHAT_COMPLETIONS, body=asked.body)


def _dropped(call: Call, asked: Asked) -> list[str]:
    """Return what a header names: items of other models, and the wish to have it kept."""
    foreign: Iterable[str] = (each.at for each in asked.withheld if each.reason == MISMATCH)
    names = [name for name, _ in zip(foreign, range(MAX_NAMED), strict=False)]
    return [*names, "store"] if call.body.value("store") == b"true" else names


def _response(call: Call, asked: Asked, reply: Reply) -> bytes:
    """Return the response that a whole chat completion makes. Raises Broken."""
    chat = read_chat(reply.body)
    if not chat.choices or chat.choices[0].message is None:
        raise Broken("The provider's answer holds nothing.")
    choice, message = chat.choices[0], chat.choices[0].message
    output = Output(Unwritten(), call.model, summarized=asked.summarized)
    output.hear(message, choice.logprobs)
    output.finishes(choice.finish_reason)
    status, reason = output.end()
    response = ResponseObject(call, output.token, asked.withheld)
    response.model = chat.model or response.model
    response.service_tier = chat.service_tier
    return _encode(response.ended(status, reason, output.items, reply.usage))
