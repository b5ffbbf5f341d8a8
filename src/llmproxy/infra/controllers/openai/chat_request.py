"""Desk: what a chat completion request must look like before anything is reserved for it.

Bounds are those of OpenAI's API description (CreateChatCompletionRequest). A field that is null
counts as absent. Fields that this gateway does not know are not looked at and reach the provider as
they are.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    between,
    boolean,
    empty_array,
    json_object,
    missing,
    model_name,
    read_fields,
    whole,
)
from llmproxy.infra.controllers.openai.stream_options import check_stream_options
from llmproxy.infra.wire.json_object import JsonObject
from llmproxy.infra.wire.unreadable import UNREADABLE


class _Message(msgspec.Struct):
    role: str
    content: str | list[msgspec.Raw] | None = None


class _Good(msgspec.Struct):
    """Every field that is checked, with the bounds of `CHECKS`: most requests pass at one go."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[_Message], Meta(min_length=1)]
    stream: bool | None = None
    logprobs: bool | None = None
    store: bool | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None


_messages = msgspec.json.Decoder(list[_Message])
_good = msgspec.json.Decoder(_Good).decode


def chat_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
    if "stream_options" in body.fields:
        return carefully(body)
    try:
        good = _good(raw)
    except UNREADABLE:
        return carefully(body)
    asked = Asked(
        body,
        good.model,
        stream=good.stream is True,
        choices=good.n or 1,
        max_output_tokens=good.max_completion_tokens or good.max_tokens,
    )
    asked.plain = list not in [type(each.content) for each in good.messages]
    return asked


def carefully(body: JsonObject) -> Asked:
    """Check field by field, to name the one that is wrong. Raises InvalidRequest."""
    values = read_fields(body, CHECKS)
    fields = body.fields
    _check_messages(fields.get("messages"))
    if "stream_options" in fields:
        check_stream_options(fields["stream_options"])
    limit = values.get("max_completion_tokens") or values.get("max_tokens") or None
    return Asked(
        body,
        values["model"],
        stream=values.get("stream") is True,
        choices=values.get("n") or 1,
        max_output_tokens=limit,
    )


def _check_messages(text: msgspec.Raw | None) -> None:
    if text is None:
        raise missing("messages")
    try:
        messages = _messages.decode(text)
    except msgspec.ValidationError as error:
        where, _, path = str(error).partition(" - at `$")
        param = "messages" + path.rstrip("`").replace("[...]", "[]")
        raise InvalidRequest(
            f"Invalid '{param}': {where[0].lower()}{where[1:]}.", param=param, code="invalid_type"
        ) from error
    except UNREADABLE as error:
        raise InvalidRequest(
            f"Invalid 'messages': {error}.", param="messages", code="invalid_value"
        ) from error
    if not messages:
        raise empty_array("messages")


CHECKS: Mapping[str, Check] = {
    "model": model_name,
    "stream": boolean,
    "logprobs": boolean,
    "store": boolean,
    "parallel_tool_calls": boolean,
    "temperature": between(0, 2),
    "top_p": between(0, 1),
    "frequency_penalty": between(-2, 2),
    "presence_penalty": between(-2, 2),
    "n": whole(1, 128),
    "top_logprobs": whole(0, 20),
    "max_tokens": whole(1, None),
    "max_completion_tokens": whole(1, None),
}
