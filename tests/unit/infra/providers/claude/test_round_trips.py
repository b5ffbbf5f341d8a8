"""Thinking over two turns, and faults of answers and streams."""

import json

import pytest

from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused
from llmproxy.infra.providers.claude.answer import translated_answer
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from tests.stream_invariants import heard
from tests.unit.infra.providers.claude.asking import (
    HELLO,
    Json,
    answered,
    call,
    chat,
    framed,
    reader,
    sent,
)
from tests.unit.infra.providers.claude.test_stream_properties import block

THOUGHT: Json = {"type": "thinking", "thinking": "Hm.", "signature": "s1"}
USE: Json = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
ANSWER: Json = {
    "type": "message",
    "id": "msg_1",
    "content": [THOUGHT, USE],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
START: Json = {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None}}
STOP: list[Json] = [
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
EVENTS: list[Json] = [
    START,
    *block(
        0,
        {**THOUGHT, "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Hm."},
            {"type": "signature_delta", "signature": "s1"},
        ],
    ),
    *block(1, USE, []),
    *STOP,
]


def next_turn(message: Json) -> Json:
    """The request that brings the result of the tool."""
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "12:00"}
    tool = {"type": "function", "function": {"name": "now"}}
    return {
        "messages": [*HELLO["messages"], message, result],
        "tools": [tool],
        "reasoning_effort": "low",
    }


def asked_again(kept: KeptReasoning, message: Json) -> tuple[Json, tuple[str, ...]]:
    made, body = sent(chat("claude-haiku-4-5", kept=kept), next_turn(message))
    return body, made.changed


def message_of(*, stream: bool, kept: KeptReasoning) -> Json:
    """The assistant's message as openai-python puts it together."""
    if not stream:
        whole = answered(chat(kept=kept), json.dumps(ANSWER).encode())
        message: Json = whole["choices"][0]["message"]
        return message
    reading = reader(kept=kept)
    said = reading.feed(framed(EVENTS))
    only = heard(said + reading.end(), include_usage=True).only
    function = {"name": only.calls[0]["name"], "arguments": only.calls[0]["arguments"]}
    return {
        "role": "assistant",
        "content": only.text,
        "tool_calls": [{"id": only.calls[0]["id"], "type": "function", "function": function}],
        "thinking_blocks": [entry for delta in only.further for entry in delta["thinking_blocks"]],
    }


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_keeps_messages_whole(*, stream: bool) -> None:
    """Its message alone brings the thinking back, in another process too."""
    message = message_of(stream=stream, kept=KeptReasoning())
    body, changed = asked_again(KeptReasoning(), message)
    assert body["messages"][1]["content"] == [THOUGHT, USE]
    assert body["thinking"]["type"] == "enabled"
    assert changed == ()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_drops_what_it_does_not_know(*, stream: bool) -> None:
    """The gateway remembers; for another project, or in another process, it does not."""
    kept = KeptReasoning()
    message = message_of(stream=stream, kept=kept)
    known = {name: message[name] for name in ("role", "content", "tool_calls")}
    body, changed = asked_again(kept, known)
    assert body["messages"][1]["content"] == [THOUGHT, USE]
    assert changed == ()
    body, changed = asked_again(KeptReasoning(), known)
    assert body["messages"][1]["content"] == [USE]
    assert "thinking" not in body
    assert changed == ("reasoning_effort",)


def test_arguments_are_the_very_text() -> None:
    """Digits and signs of a call's input are not written anew."""
    text = '{"n":  1.50, "big": 12345678901234567890123, "é": "\\u00e9"}'
    raw = json.dumps({**ANSWER, "content": [USE]}).replace('"input": {}', f'"input": {text}')
    whole = answered(chat(), raw.encode())
    [made] = whole["choices"][0]["message"]["tool_calls"]
    assert made["function"]["arguments"] == text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"type": "message"}',
        b'{"type": "message", "content": []}',
        b'{"type": "message", "content": [1], "stop_reason": "end_turn"}',
        b"<html>",
    ],
)
def test_what_is_no_message(body: bytes) -> None:
    """Status 200 without a whole message is a failure, never an empty answer."""
    with pytest.raises(Broken, match="no message") as broken:
        translated_answer(call(HELLO), body, KeptReasoning())
    assert broken.value.detail == body.decode()


def test_an_error_under_200() -> None:
    """A body may tell of a failure that the status does not."""
    body = b'{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}}'
    with pytest.raises(Busy):
        translated_answer(call(HELLO), body, KeptReasoning())


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("overloaded_error", Broken),
        ("rate_limit_error", Busy),
        ("invalid_request_error", Refused),
        ("authentication_error", OwnFault),
        ("new_error", Broken),
    ],
)
@pytest.mark.parametrize("begun", [0, 1, 5])
def test_an_error_event(kind: str, made: type[Exception], begun: int) -> None:
    """An error in the stream is raised, at its beginning and in the middle."""
    error = {"type": "error", "error": {"type": kind, "message": "No."}}
    reading = reader()
    reading.feed(framed(EVENTS[:begun]))
    with pytest.raises(made):
        reading.feed(framed([error]))


@pytest.mark.parametrize(
    "data",
    [
        b"event: x\ndata: {\n\n",
        b"event: x\ndata: [1]\n\n",
        b"garbage\n\n",
        framed(EVENTS[1:2]),
        framed([{"type": "message_start"}]),
    ],
)
def test_senseless_events(data: bytes) -> None:
    """What cannot be read is a failure of the provider's."""
    with pytest.raises(Broken):
        reader().feed(data)


def test_nothing_is_content_before_the_first_content() -> None:
    """The role alone is no content, so a failure after it can still move on."""
    reading = reader()
    reading.feed(framed([START, {"type": "ping"}]))
    assert not reading.spoke
    reading.feed(framed(EVENTS[1:3]))
    assert reading.spoke
    assert reading.usage is None


def test_a_reason_is_needed_to_end() -> None:
    """`message_stop` without any reason is no complete answer."""
    reading = reader()
    reading.feed(framed([START, {"type": "message_stop"}]))
    with pytest.raises(Broken):
        reading.end()
