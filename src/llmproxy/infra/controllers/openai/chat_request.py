"""Desk: what a chat completion request must look like before anything is reserved for it.

Bounds are those of OpenAI's API description (CreateChatCompletionRequest). A field that is null
counts as absent. Fields that this gateway does not know are not looked at and reach the provider as
they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.wire.json_object import JsonObject, NotAnObject, RepeatedField
from llmproxy.infra.wire.unreadable import UNREADABLE


class _Message(msgspec.Struct):
    role: str
    content: str | list[msgspec.Raw] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_messages = msgspec.json.Decoder(list[_Message])
_stream_options = msgspec.json.Decoder(_StreamOptions | None)
_decode = msgspec.json.Decoder().decode
Check = Callable[[str, Any], None]
MAX_STREAM_OPTIONS_BYTES = 512
"""Two booleans need no more; whoever reads them again need not fear their depth."""


class ChatRequest:
    """A checked request: the body and the few fields the gateway acts on."""

    __slots__ = (
        "body",
        "choices",
        "max_output_tokens",
        "model",
        "stream",
    )

    def __init__(self, raw: bytes) -> None:
        """Check `raw`. Raises InvalidRequest naming the first field that is wrong."""
        body = self.body = _object(raw)
        fields = body.fields
        values: dict[str, Any] = {}
        for name in fields:
            check = CHECKS.get(name)
            if check is not None:
                value = values[name] = _value(name, fields[name])
                if value is not None:
                    check(name, value)
        model = values.get("model")
        if model is None:
            raise _missing("model")
        _check_messages(fields.get("messages"))
        if "stream_options" in fields:
            _check_stream_options(fields["stream_options"])
        self.model: str = model
        self.stream: bool = values.get("stream") is True
        self.choices: int = values.get("n") or 1
        self.max_output_tokens: int | None = (
            values.get("max_completion_tokens") or values.get("max_tokens") or None
        )


def _object(raw: bytes) -> JsonObject:
    try:
        return JsonObject(raw)
    except NotAnObject as error:
        raise InvalidRequest(
            f"We could not parse the JSON body of your request: {error}.",
            code="invalid_json",
            hint="Send one JSON object in UTF-8.",
        ) from error
    except RepeatedField as error:
        raise InvalidRequest(
            f"The field '{error.field[:100]}' stands more than once in the request.",
            param=error.field[:100],
            code="repeated_field",
            hint="Keep one of them.",
        ) from error


def _value(name: str, text: msgspec.Raw) -> object:
    try:
        return _decode(text)
    except UNREADABLE as error:
        raise InvalidRequest(
            f"Invalid value for '{name}': {error}.", param=name, code="invalid_value"
        ) from error


def _missing(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )


def _wrong_type(name: str, expected: str, value: object) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid type for '{name}': expected {expected}, but got {_kind(value)} instead.",
        param=name,
        code="invalid_type",
    )


def _kind(value: object) -> str:
    kinds: Mapping[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _boolean(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong_type(name, "a boolean", value)


def _name(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise _wrong_type(name, "a string", value)
    if not value:
        raise InvalidRequest(
            f"Invalid '{name}': empty string.",
            param=name,
            code="empty_string",
            hint="Name a model.",
        )


def _between(least: float, most: float) -> Check:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(name, "a decimal", value)
        _bounded(name, value, least, most, "decimal")

    return check


def _whole(least: int, most: int | None) -> Check:
    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(name, "an integer", value)
        _bounded(name, value, least, most, "integer")

    return check


def _bounded(name: str, value: float, least: float, most: float | None, kind: str) -> None:
    if value < least:
        side, short, sign, bound = "below minimum", "below_min", ">=", least
    elif most is not None and value > most:
        side, short, sign, bound = "above maximum", "above_max", "<=", most
    else:
        return
    raise InvalidRequest(
        f"Invalid '{name}': {kind} {side} value."
        f" Expected a value {sign} {bound:g}, but got {value} instead.",
        param=name,
        code=f"{kind}_{short}_value",
    )


def _check_messages(text: msgspec.Raw | None) -> None:
    if text is None:
        raise _missing("messages")
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
        raise InvalidRequest(
            "Invalid 'messages': empty array. Expected an array with minimum length 1,"
            " but got an empty array instead.",
            param="messages",
            code="empty_array",
        )


def _check_stream_options(text: msgspec.Raw) -> None:
    problem = InvalidRequest(
        "Invalid type for 'stream_options': expected an object with a boolean 'include_usage'.",
        param="stream_options",
        code="invalid_type",
    )
    if len(text) > MAX_STREAM_OPTIONS_BYTES:
        raise problem
    try:
        _stream_options.decode(text)
    except msgspec.DecodeError as error:
        raise problem from error


CHECKS: Mapping[str, Check] = {
    "model": _name,
    "stream": _boolean,
    "logprobs": _boolean,
    "store": _boolean,
    "parallel_tool_calls": _boolean,
    "temperature": _between(0, 2),
    "top_p": _between(0, 1),
    "frequency_penalty": _between(-2, 2),
    "presence_penalty": _between(-2, 2),
    "n": _whole(1, 128),
    "top_logprobs": _whole(0, 20),
    "max_tokens": _whole(1, None),
    "max_completion_tokens": _whole(1, None),
}
