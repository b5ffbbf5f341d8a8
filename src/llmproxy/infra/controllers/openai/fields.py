"""Checks of single fields, in OpenAI's own words: each raises InvalidRequest that names the field.

A field that is null counts as absent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.wire.json_object import JsonObject, NotAnObject, RepeatedField
from llmproxy.infra.wire.unreadable import UNREADABLE

_decode = msgspec.json.Decoder().decode
Check = Callable[[str, Any], None]


def json_object(raw: bytes) -> JsonObject:
    """Return the top level of a body. Raises InvalidRequest."""
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


def decoded(name: str, text: msgspec.Raw) -> object:
    """Return the value of a field. Raises InvalidRequest."""
    try:
        return _decode(text)
    except UNREADABLE as error:
        raise InvalidRequest(
            f"Invalid value for '{name}': {error}.", param=name, code="invalid_value"
        ) from error


def missing(name: str) -> InvalidRequest:
    """Return the error for a field that must be there."""
    return InvalidRequest(
        f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )


def wrong_type(name: str, expected: str, value: object) -> InvalidRequest:
    """Return the error for a value of another kind; `expected` is such as `a string`."""
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


def boolean(name: str, value: object) -> None:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)


def model_name(name: str, value: object) -> None:
    """Check that a value can name a model."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    if not value:
        raise InvalidRequest(
            f"Invalid '{name}': empty string.",
            param=name,
            code="empty_string",
            hint="Name a model.",
        )


def between(least: float, most: float) -> Check:
    """Return the check for a number within these bounds."""

    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(name, "a decimal", value)
        _bounded(name, value, least, most, "decimal")

    return check


def whole(least: int, most: int | None) -> Check:
    """Return the check for an integer within these bounds."""

    def check(name: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(name, "an integer", value)
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


def text(name: str, value: object) -> None:
    """Check that a value is a string."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)


def one_of(*allowed: str) -> Check:
    """Return the check for a string out of a few."""

    def check(name: str, value: object) -> None:
        text(name, value)
        if value not in allowed:
            listed = ", ".join(f"'{word}'" for word in allowed)
            raise InvalidRequest(
                f"Invalid value: '{str(value)[:100]}'. Supported values are: {listed}.",
                param=name,
                code="invalid_value",
            )

    return check


def text_of_at_most(most: int) -> Check:
    """Return the check for a string of at most so many characters."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if len(value) > most:
            raise InvalidRequest(
                f"Invalid '{name}': string too long. Expected a string with maximum length {most},"
                f" but got a string with length {len(value)} instead.",
                param=name,
                code="string_above_max_length",
            )

    return check


def empty_array(name: str) -> InvalidRequest:
    """Return the error for an array that must hold something."""
    return InvalidRequest(
        f"Invalid '{name}': empty array. Expected an array with minimum length 1,"
        " but got an empty array instead.",
        param=name,
        code="empty_array",
    )


def read_fields(body: JsonObject, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the values of the fields that `checks` names, checked; others are not looked at.

    A model must be named.
    """
    values = read_optional(body, checks)
    if values.get("model") is None:
        raise missing("model")
    return values


def read_optional(body: JsonObject, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Do as `read_fields` where OpenAI has a model of its own for a request that names none."""
    fields = body.fields
    values: dict[str, Any] = {}
    for name in fields:
        check = checks.get(name)
        if check is not None:
            value = values[name] = decoded(name, fields[name])
            if value is not None:
                check(name, value)
    return values
