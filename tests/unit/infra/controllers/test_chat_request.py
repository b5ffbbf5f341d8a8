"""What the desk reads from a chat request, and what it leaves alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.chat_request import (
    CHECKS,
    carefully,
    chat_request,
)
from llmproxy.infra.controllers.openai.fields import json_object
from llmproxy.infra.controllers.openai.stream_options import MAX_STREAM_OPTIONS_BYTES

HELLO = [{"role": "user", "content": "hello"}]


def _request(**fields: Any) -> Asked:  # noqa: ANN401
    body = {"model": "m", "messages": HELLO} | fields
    return chat_request(json.dumps(body).encode())


def _refusal(**fields: Any) -> InvalidRequest:  # noqa: ANN401
    with pytest.raises(InvalidRequest) as refused:
        _request(**fields)
    return refused.value


def test_the_fields_that_count() -> None:
    """Model, stream, choices and the bound of the output, with their defaults."""
    plain = _request()
    assert (plain.model, plain.stream, plain.choices, plain.max_output_tokens) == (
        "m",
        False,
        1,
        None,
    )
    full = _request(stream=True, n=3, max_tokens=7)
    assert (full.stream, full.choices, full.max_output_tokens) == (True, 3, 7)
    assert _request(max_tokens=7, max_completion_tokens=9).max_output_tokens == 9


def test_null_is_absent() -> None:
    """Every checked field but the model may be null."""
    for name in CHECKS:
        if name != "model":
            assert _request(**{name: None}).model == "m"
    assert _request(stream_options=None).stream is False
    assert _refusal(model=None).code == "missing_required_parameter"


def test_the_bytes_stay() -> None:
    """The body is what was received, whatever is checked in it."""
    raw = b'{"model":"m", "messages":[{"role":"user","content":"x"}],"temperature":1E0,"z":[1.10]}'
    request = chat_request(raw)

    assert request.body.rewritten({}) == raw
    assert request.body.value("temperature") == b"1E0"
    assert request.body.value("z") == b"[1.10]"


def test_the_words_of_a_refusal() -> None:
    """They are OpenAI's: what was expected, what came instead, and where."""
    assert _refusal(temperature=3).message == (
        "Invalid 'temperature': decimal above maximum value. "
        "Expected a value <= 2, but got 3 instead."
    )
    assert _refusal(temperature=3).code == "decimal_above_max_value"
    assert _refusal(n=0).code == "integer_below_min_value"
    assert _refusal(n="1").message == (
        "Invalid type for 'n': expected an integer, but got a string instead."
    )
    assert _refusal(stream={}).message.endswith("expected a boolean, but got an object instead.")
    assert _refusal(temperature=[]).message.endswith("a decimal, but got an array instead.")
    assert _refusal(model=1.5).message.endswith("a string, but got a decimal instead.")
    assert _refusal(model=True).message.endswith("a string, but got a boolean instead.")


@pytest.mark.parametrize(
    ("messages", "param", "code"),
    [
        ([], "messages", "empty_array"),
        ({}, "messages", "invalid_type"),
        (["x"], "messages[0]", "invalid_type"),
        ([HELLO[0], {"role": 1}], "messages[1].role", "invalid_type"),
        ([HELLO[0], {"content": "x"}], "messages[1]", "invalid_type"),
        ([{"role": "user", "content": 5}], "messages[0].content", "invalid_type"),
    ],
)
def test_messages(messages: object, param: str, code: str) -> None:
    """The place of what is wrong is told by its index."""
    refused = _refusal(messages=messages)
    assert (refused.param, refused.code) == (param, code)


def test_contents() -> None:
    """Text, parts, null and nothing at all are contents; so are messages of any role and fields."""
    messages = [
        {"role": "system", "content": "x", "name": "n"},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "1", "content": "y"},
        {"role": "assistant"},
        {"role": "of-tomorrow", "content": ""},
    ]
    assert _request(messages=messages).model == "m"


def test_stream_options() -> None:
    """An object with booleans, bounded in size so that nobody need fear its depth."""
    assert _request(stream_options={"include_usage": True, "include_obfuscation": False}).model
    for wrong in (1, "x", [], {"include_usage": 1}, {"x": "y" * MAX_STREAM_OPTIONS_BYTES}):
        assert _refusal(stream_options=wrong).param == "stream_options"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
CHECKED = {*CHECKS, "messages", "stream_options"}
NAMES = st.sampled_from([*CHECKS, "messages", "stream_options", "x"])


def _outcome(raw: bytes) -> Asked | InvalidRequest:
    try:
        return chat_request(raw)
    except InvalidRequest as refused:
        return refused


NEAR = st.dictionaries(
    NAMES, JSON | st.integers(-3, 200) | st.floats(-3, 3) | st.sampled_from([1e2, 10**30, 2.0])
)


def _read(read: Callable[[bytes], Asked], raw: bytes) -> tuple[object, ...] | None:
    try:
        asked = read(raw)
    except InvalidRequest:
        return None
    return asked.model, asked.stream, asked.choices, asked.max_output_tokens


@given(NEAR)
def test_both_ways_agree(fields: dict[str, object]) -> None:
    """What passes at one go passes field by field too, and is read as the same."""
    raw = json.dumps({"model": "m", "messages": HELLO} | fields).encode()
    careful = _read(lambda raw: carefully(json_object(raw)), raw)
    assert _read(chat_request, raw) == careful


@given(st.dictionaries(NAMES, JSON))
def test_any_values(fields: dict[str, object]) -> None:
    """Whatever the fields hold, the request is read or refused by the name of one of them."""
    outcome = _outcome(json.dumps({"model": "m", "messages": HELLO} | fields).encode())
    if isinstance(outcome, Asked):
        assert outcome.choices >= 1
        assert outcome.max_output_tokens is None or outcome.max_output_tokens >= 1
    else:
        assert outcome.code is not None
        assert (outcome.param or "model").partition("[")[0] in CHECKED


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    """Bytes that are no request are refused, never a crash."""
    with pytest.raises(InvalidRequest):
        chat_request(raw)
