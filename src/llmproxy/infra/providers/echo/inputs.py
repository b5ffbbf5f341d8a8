"""Inputs that are a text, texts, or tokens."""

from typing import NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.echo.words import refused
from llmproxy.infra.wire.unreadable import UNREADABLE

_inputs = msgspec.json.Decoder(str | list[str | int | list[int]])
_whole = msgspec.json.Decoder(int | None)


class Input(NamedTuple):
    """One input; tokens are written as numbers."""

    text: str
    tokens: int


def inputs_of(value: bytes, field: str) -> list[Input]:
    """Return the inputs of a request that the desk has checked."""
    try:
        given = _inputs.decode(value)
    except UNREADABLE as error:
        raise refused(f"Invalid '{field}': {error}.", field, "invalid_type") from error
    if isinstance(given, str):
        return [_of_text(given)]
    numbers = [each for each in given if isinstance(each, int)]
    if numbers:
        return [_of_tokens(numbers)]
    return [
        _of_text(each) if isinstance(each, str) else _of_tokens(each)
        for each in given
        if not isinstance(each, int)
    ]


def whole_number(call: Call, field: str) -> int | None:
    """Return the value of a field that the desk has checked to be one, or absent."""
    value: int | None = _whole.decode(call.body.value(field) or b"null")
    return value


def _of_text(text: str) -> Input:
    return Input(text, len(text.split()))


def _of_tokens(tokens: list[int]) -> Input:
    return Input(" ".join(map(str, tokens)), len(tokens))
