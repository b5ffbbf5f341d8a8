"""Inputs in any of the four forms that embeddings and completions take.

A text, texts, the tokens of one text, or the tokens of several. What is wrong is found without
making an object per token: a body of 64 MiB can hold tens of millions of them.
"""

import re
from typing import Annotated

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.fields import empty_array
from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_INPUTS = 2048
"""Of one request (CreateEmbeddingRequest in OpenAI's API description; completions state none)."""

_WHITE = rb"[ \t\r\n]*+"
_ARRAY = re.compile(rb"\[" + _WHITE)
_TOKENS = re.compile(rb"\[" + _WHITE + rb"[0-9][0-9, \t\r\n]*+\]" + _WHITE)
_NEXT = re.compile(rb"," + _WHITE)
_text = msgspec.json.Decoder(str).decode
_texts = msgspec.json.Decoder(list[Annotated[str, msgspec.Meta(min_length=1)]]).decode
_tokens = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0)]]).decode
FORMS = "a string, an array of strings, an array of integers, or an array of arrays of integers"


def count_inputs(name: str, raw: msgspec.Raw) -> int:
    """Return how many inputs there are, at least 1. Raises InvalidRequest."""
    value = bytes(raw)
    opening = _ARRAY.match(value)
    if opening is None:
        _check_text(name, value)
        return 1
    first = value[opening.end() : opening.end() + 1]
    if first == b"]":
        raise empty_array(name)
    if first == b'"':
        return _count_texts(name, value)
    if first == b"[":
        return _count_token_arrays(name, value, opening.end())
    if value.count(b",") >= MAX_INPUTS and b'"' not in value:
        raise _too_long(name)
    try:
        _tokens(value)
    except UNREADABLE as error:
        raise _wrong(name, error) from error
    return 1


def _check_text(name: str, value: bytes) -> None:
    try:
        text = _text(value)
    except UNREADABLE as error:
        raise _wrong(name, error) from error
    if not text:
        raise InvalidRequest(
            f"Invalid '{name}': input cannot be an empty string.", param=name, code="empty_string"
        )


def _count_texts(name: str, value: bytes) -> int:
    # The quote that opens a text never stands behind a backslash: there are no more texts than
    # quotes that do not, and in a text without a backslash at its end there are two.
    if value.count(b'"') - value.count(b'\\"') > 2 * MAX_INPUTS:
        raise _too_long(name)
    try:
        texts = _texts(value)
    except UNREADABLE as error:
        raise _wrong(name, error) from error
    if len(texts) > MAX_INPUTS:
        raise _too_long(name)
    return len(texts)


def _count_token_arrays(name: str, value: bytes, at: int) -> int:
    """Walk from array to array."""
    for count in range(1, MAX_INPUTS + 1):
        tokens = _TOKENS.match(value, at)
        if tokens is None:
            raise _wrong(name, None)
        behind = _NEXT.match(value, tokens.end())
        if behind is None:
            if value[tokens.end() : tokens.end() + 1] != b"]":
                raise _wrong(name, None)
            return count
        at = behind.end()
    raise _too_long(name)


def _wrong(name: str, error: Exception | None) -> InvalidRequest:
    where = "" if error is None else str(error).rpartition(" - at `$")[2].partition("`")[0]
    param = name + where.replace("[...]", "[]") if where.startswith("[") else name
    return InvalidRequest(
        f"Invalid '{param}': expected '{name}' to be {FORMS}, none of them empty.",
        param=param,
        code="invalid_type",
    )


def _too_long(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid '{name}': array too long. Expected an array with maximum length {MAX_INPUTS},"
        " but got a longer array instead.",
        param=name,
        code="array_above_max_length",
    )
