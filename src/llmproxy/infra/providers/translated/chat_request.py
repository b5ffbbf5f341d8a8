"""A chat completion request, read for translation into another wire.

The desk has checked the outside (`controllers/openai/chat_request.py`); here the inside is read.
Shapes: OpenAI's API description 2.3.0, CreateChatCompletionRequest. Fields that clients send back
from an answer and that say nothing (`annotations`, `audio`, `function_call` as null) are ignored.
"""

from typing import Any

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.wire.unreadable import UNREADABLE

JsonDict = dict[str, Any]


class ImageUrl(msgspec.Struct):
    """`url` is an address or a `data:` URL."""

    url: str
    detail: str | None = None


class InputAudio(msgspec.Struct):
    """`data` is base64; `format` a word such as `wav` or `mp3`."""

    data: str
    format: str


class InputFile(msgspec.Struct):
    """`file_data` is base64 or a `data:` URL."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class Part(msgspec.Struct):
    """A part of a message's content; which fields are set, `type` says."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    input_audio: InputAudio | None = None
    file: InputFile | None = None
    refusal: str | None = None
    cache_control: JsonDict | None = None


class CalledFunction(msgspec.Struct):
    """`arguments` is JSON text."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct):
    """`extra_content` is Google's place for a signature: `{"google": {"thought_signature": …}}`.

    Source: Google's docs, "Thought signatures" with the OpenAI compatibility (2026-11).
    """

    id: str = ""
    function: CalledFunction | None = None
    type: str = "function"
    extra_content: JsonDict | None = None


class Message(msgspec.Struct):
    """`reasoning_content`, `thinking_blocks` and `extra_content` come back from earlier answers.

    `is_error` marks a tool's result as a failure, for the providers that tell these apart.
    """

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[JsonDict] | None = None
    extra_content: JsonDict | None = None
    cache_control: JsonDict | None = None
    is_error: bool | None = None


class FunctionTool(msgspec.Struct):
    """`parameters` is a JSON schema, absent for a function without any."""

    name: str
    description: str | None = None
    parameters: JsonDict | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    """A tool that may be called; only functions have `function`."""

    type: str
    function: FunctionTool | None = None
    cache_control: JsonDict | None = None


_messages = msgspec.json.Decoder(list[Message])
_tools = msgspec.json.Decoder(list[Tool] | None)


def messages_of(call: Call) -> list[Message]:
    """Return the conversation. Raises InvalidRequest naming what cannot be read."""
    return typed_value(_messages, call, "messages") or []


def tools_of(call: Call) -> list[Tool]:
    """Return the tools, none when the request has none. Raises InvalidRequest."""
    return typed_value(_tools, call, "tools") or []


def value_of(call: Call, field: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a field, None when it is absent or null. Raises InvalidRequest."""
    text = call.body.value(field)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except UNREADABLE as error:
        raise invalid(field, str(error)) from error


def typed_value(decoder: "msgspec.json.Decoder[Any]", call: Call, field: str) -> Any:  # noqa: ANN401
    """Return a field as the decoder reads it, None when it is absent.

    Raises InvalidRequest naming the place within the field that is of another shape.
    """
    text = call.body.value(field)
    if text is None:
        return None
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$")
        place = field + path.rstrip("`").replace("[...]", "[]")
        raise invalid(place, f"{words[0].lower()}{words[1:]}") from error
    except UNREADABLE as error:
        raise invalid(field, str(error)) from error


def invalid(
    param: str, words: str, *, code: str = "invalid_value", hint: str = ""
) -> InvalidRequest:
    """Return the refusal of a field that cannot be translated; `words` say what is wrong."""
    return InvalidRequest(f"Invalid '{param}': {words}.", param=param, code=code, hint=hint)


def arguments_of(text: str, param: str) -> JsonDict:
    """Return a tool call's arguments as an object; empty text is none. Raises InvalidRequest."""
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except UNREADABLE as error:
        raise invalid(param, f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise invalid(param, "it is not a JSON object")
    return value


def data_url(url: str) -> tuple[str, str] | None:
    """Return media type and base64 data of a `data:` URL, None for another URL.

    RFC 2397; only base64, which is what OpenAI takes. ValueError for one that is not.
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    kind, *flags = head.split(";")
    if not comma or "base64" not in [flag.strip().lower() for flag in flags]:
        raise ValueError("a data URL must be `data:<media type>;base64,<data>`")
    return kind.strip().lower(), data
