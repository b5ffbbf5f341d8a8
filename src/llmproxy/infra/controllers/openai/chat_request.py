"""Desk: what a chat completion request must look like before anything is reserved for it.

Bounds are those of OpenAI's API description (CreateChatCompletionRequest). A field that is null
counts as absent. Fields that this gateway does not know are not looked at and reach the provider as
they are.
"""

from collections.abc import Mapping

import msgspec

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
from llmproxy.infra.wire.unreadable import UNREADABLE


class _Message(msgspec.Struct):
    role: str
    content: str | list[msgspec.Raw] | None = None


_messages = msgspec.json.Decoder(list[_Message])


def chat_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
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
