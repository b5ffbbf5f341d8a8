"""OpenAI's checks of a chat request, with OpenAI's words.

Ranges: OpenAI's API description 2.3.0. Words: errors that users of the API quoted in public issues,
2023 to 2026. Raises RefusalError, always a 400.
"""

import json
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.model import is_reasoning, text_of

Body = dict[str, Any]

_DECIMALS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
_INTEGERS: dict[str, tuple[int, int | None]] = {
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "max_tokens": (1, None),
    "max_completion_tokens": (1, None),
}
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store")
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_STREAM_OPTIONS = ("include_usage", "include_obfuscation")


def decoded(data: bytes) -> Body:
    """The body as a JSON object."""
    try:
        body = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusalError(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not "
            "valid JSON.)",
        ) from error
    if not isinstance(body, dict):
        raise RefusalError(
            400, "Invalid type for request body: expected an object.", code="invalid_type"
        )
    return body


def check_chat(body: Body, *, model: str) -> None:
    """Everything but unknown parameters: types, ranges, messages, and what does not go together."""
    _check_numbers(body)
    for name in _BOOLEANS:
        if body.get(name) is not None and not isinstance(body[name], bool):
            raise _wrong_type(name, "a boolean", body[name])
    _check_messages(body)
    check_stream_options(body)
    _check_format(body)
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise RefusalError(
            400,
            "Invalid value for 'top_logprobs': 'logprobs' must be true.",
            param="top_logprobs",
            code="invalid_value",
        )
    if is_reasoning(model):
        _check_reasoning(body)


def unknown_parameter(name: str) -> RefusalError:
    """The refusal of a parameter that does not exist."""
    return RefusalError(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _kind_of(value: object) -> str:
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _wrong_type(name: str, expected: str, value: object) -> RefusalError:
    message = f"Invalid type for '{name}': expected {expected}, but got {_kind_of(value)} instead."
    return RefusalError(400, message, param=name, code="invalid_type")


def _check_numbers(body: Body) -> None:
    for name, (low, high) in _DECIMALS.items():
        if body.get(name) is not None:
            check_number(name, "decimal", body[name], low, high)
    for name, (lowest, highest) in _INTEGERS.items():
        if body.get(name) is not None:
            check_number(name, "integer", body[name], lowest, highest)


def check_number(name: str, kind: str, value: object, low: int, high: int | None) -> None:
    """Type and range of a number."""
    fits = (int,) if kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, fits):
        article = "an" if kind == "integer" else "a"
        raise _wrong_type(name, f"{article} {kind}", value)
    if value < low:
        words = f"{kind} below minimum value. Expected a value >= {low}, but got {value} instead."
        raise RefusalError(
            400, f"Invalid '{name}': {words}", param=name, code=f"{kind}_below_min_value"
        )
    if high is not None and value > high:
        words = f"{kind} above maximum value. Expected a value <= {high}, but got {value} instead."
        raise RefusalError(
            400, f"Invalid '{name}': {words}", param=name, code=f"{kind}_above_max_value"
        )


def _check_messages(body: Body) -> None:
    if "messages" not in body:
        raise RefusalError(
            400,
            "Missing required parameter: 'messages'.",
            param="messages",
            code="missing_required_parameter",
        )
    messages = body["messages"]
    if not isinstance(messages, list):
        raise _wrong_type("messages", "an array of objects", messages)
    if not messages:
        words = (
            "empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise RefusalError(
            400, f"Invalid 'messages': {words}", param="messages", code="empty_array"
        )
    for index, message in enumerate(messages):
        _check_message(messages, index, message)


def _check_message(messages: list[Any], index: int, message: object) -> None:
    at = f"messages[{index}]"
    if not isinstance(message, dict):
        raise _wrong_type(at, "an object", message)
    role = message.get("role")
    if role not in _ROLES:
        known = ", ".join(f"'{name}'" for name in _ROLES)
        raise RefusalError(
            400,
            f"Invalid value: '{role}'. Supported values are: {known}.",
            param=f"{at}.role",
            code="invalid_value",
        )
    content = message.get("content")
    if content is None and role in {"user", "system", "developer"}:
        raise RefusalError(
            400,
            f"Invalid value for 'content': expected a string, got null. ({at}.content)",
            param=f"{at}.content",
        )
    if content is not None and not isinstance(content, str | list):
        raise _wrong_type(f"{at}.content", "one of a string or array of objects", content)
    if role == "tool" and not any(
        isinstance(m, dict) and m.get("tool_calls") for m in messages[:index]
    ):
        raise RefusalError(
            400,
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            param=f"messages.[{index}].role",
        )


def check_stream_options(body: Body) -> None:
    """An object with known names, in a stream only."""
    options = body.get("stream_options")
    if options is None:
        return
    if not isinstance(options, dict):
        raise _wrong_type("stream_options", "an object", options)
    if not body.get("stream"):
        raise RefusalError(
            400,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    for name in options:
        if name not in _STREAM_OPTIONS:
            raise unknown_parameter(f"stream_options.{name}")


def _check_format(body: Body) -> None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object" and not any(
        "json" in text_of(m).lower() for m in body["messages"]
    ):
        raise RefusalError(
            400,
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'.",
            param="messages",
        )
    if wanted.get("type") != "json_schema":
        return
    named = wanted.get("json_schema")
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        raise RefusalError(
            400,
            "Missing required parameter: 'response_format.json_schema.name'.",
            param="response_format.json_schema.name",
            code="missing_required_parameter",
        )
    if named.get("strict") and named.get("schema", {}).get("additionalProperties") is not False:
        raise RefusalError(
            400,
            f"Invalid schema for response_format '{named['name']}': In context=(), "
            "'additionalProperties' is required "
            "to be supplied and to be false.",
            param="response_format",
        )


def _check_reasoning(body: Body) -> None:
    if body.get("max_tokens") is not None:
        raise RefusalError(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        )
    if body.get("temperature") not in (None, 1):
        raise RefusalError(
            400,
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this "
            "model. Only the default "
            "(1) value is supported.",
            param="temperature",
            code="unsupported_value",
        )


def named_model(data: bytes) -> str | None:
    """The `model` of a body, if it is one that can be read; checks nothing."""
    try:
        value = json.loads(data).get("model")
    except (ValueError, AttributeError, RecursionError):
        return None
    return value if isinstance(value, str) else None
