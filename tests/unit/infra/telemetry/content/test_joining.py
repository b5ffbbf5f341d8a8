"""Streams come to what they would have been in one piece."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.telemetry.content.conversation import answer_of
from llmproxy.infra.telemetry.content.joining import joined
from tests import genai_messages
from tests.unit.infra.telemetry.content.test_conversation import ANY, NAMES, text
from tests.unit.infra.telemetry.content.test_reading import stream


def chunk(at: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:  # noqa: ANN401
    """A chunk of a chat completion."""
    return {"choices": [{"index": at, "delta": delta, "finish_reason": reason}]}


def told(*events: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The messages of a stream."""
    return answer_of(joined(stream(*events)))


def test_a_chat_completion() -> None:
    """Each choice, its texts in one piece, and why it ended."""
    found = told(
        chunk(role="assistant", content="", refusal=None),
        chunk(content=None, reasoning_content="Hm"),
        chunk(reasoning_content="."),
        chunk(1, refusal="No"),
        chunk(content="joao@exam"),
        chunk(content="ple.com"),
        chunk(1, refusal="."),
        chunk(reason="length"),
        chunk(1, reason="stop"),
        {"choices": [], "usage": {}},
    )
    assert found == [
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "Hm."}, text("joao@example.com")],
            "finish_reason": "length",
        },
        {
            "role": "assistant",
            "parts": [{"type": "refusal", "content": "No."}],
            "finish_reason": "stop",
        },
    ]


def test_calls_of_tools() -> None:
    """Their ids, names and arguments, several at once."""

    def piece(at: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
        return {"index": at, "id": call_id, "function": {"name": name, "arguments": arguments}}

    custom = {"index": 2, "id": "c", "custom": {"name": "run", "input": "ls"}}
    found = told(
        chunk(tool_calls=[piece(0, "a", "find", ""), piece(1, "b", "seek", '{"x"')]),
        chunk(tool_calls=[piece(0, None, None, '{"in": "Ly'), piece(1, None, None, ": 1}")]),
        chunk(tool_calls=[piece(0, None, None, 'on"}'), custom]),
        chunk(reason="tool_calls"),
    )
    assert found == [
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "a", "name": "find", "arguments": {"in": "Lyon"}},
                {"type": "tool_call", "id": "b", "name": "seek", "arguments": {"x": 1}},
                {"type": "tool_call", "id": "c", "name": "run", "arguments": "ls"},
            ],
            "finish_reason": "tool_call",
        }
    ]


def test_a_function_call_of_the_older_kind() -> None:
    """Its name and its arguments, in pieces too."""
    found = told(
        chunk(function_call={"name": "find", "arguments": ""}),
        chunk(function_call={"arguments": '{"in": "Ly'}),
        chunk(function_call={"arguments": 'on"}'}),
        chunk(reason="function_call"),
    )
    call = {"type": "tool_call", "id": None, "name": "find", "arguments": {"in": "Lyon"}}
    assert [each["parts"] for each in found] == [[call]]


def test_what_broke_off() -> None:
    """What there is of it, and no reason of the provider's."""
    raw = stream(chunk(content="Once"))[: -len("data: [DONE]\n\n")] + b'data: {"choi'
    assert answer_of(joined(raw)) == [
        {"role": "assistant", "parts": [text("Once")], "finish_reason": "error"}
    ]
    assert answer_of(joined(b"")) == []
    assert told({"error": {"message": "no"}}) == []


def test_a_completion() -> None:
    """Its texts stand beside no message."""
    found = told(
        {"choices": [{"index": 0, "text": "upon ", "finish_reason": None}]},
        {"choices": [{"index": 0, "text": "a time", "finish_reason": "stop"}]},
    )
    assert found == [{"role": "assistant", "parts": [text("upon a time")], "finish_reason": "stop"}]


def test_sound() -> None:
    """The words of what is spoken in pieces."""
    found = told(chunk(audio={"id": "a"}), chunk(audio={"transcript": "Good "}), chunk(
        audio={"data": "UklGRg==", "transcript": "day"}, reason="stop"
    ))  # fmt: skip
    assert [part["type"] for part in found[0]["parts"]] == ["blob", "text"]
    assert found[0]["parts"][1] == text("Good day")
    assert "UklGRg" not in json.dumps(found)


def test_a_response() -> None:
    """The one of the last event; without it, its items and what was said of them."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
    begun = {"type": "message", "role": "assistant", "content": []}
    done = {**begun, "content": [{"type": "output_text", "text": "One."}]}
    events = [
        {"type": "response.created", "response": {"output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "One"},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.output_item.done", "output_index": 1, "item": call},
        {"type": "response.output_item.added", "output_index": 2, "item": begun},
        {"type": "response.output_text.delta", "output_index": 2, "delta": "Tw"},
        {"type": "response.output_text.delta", "output_index": 2, "delta": "o"},
    ]
    [broken] = told(*events)
    assert broken["finish_reason"] == "error"
    assert broken["parts"] == [
        text("One."),
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        text("Two"),
    ]
    whole = {"status": "completed", "output": [done]}
    assert told(*events, {"type": "response.completed", "response": whole}) == [
        {"role": "assistant", "parts": [text("One.")], "finish_reason": "stop"}
    ]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), ANY, max_size=6), max_size=4))
def test_whatever_is_streamed(events: list[dict[str, Any]]) -> None:
    """Nothing that is JSON is too strange."""
    told_of = json.dumps(told(*events))
    genai_messages.read(told_of, answered=True)
