"""Answers become values that can be redacted whole: deltas are joined first."""

import json
from typing import Any

from llmproxy.infra.telemetry.content.reading import MAX_PARSED_BYTES, read_events, read_json


def stream(*events: Any) -> bytes:  # noqa: ANN401 - JSON
    """A stream of events as a client receives it."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return ("".join(lines) + ": keep-alive\n\ndata: [DONE]\n\n").encode()


def test_a_body() -> None:
    """JSON is read; what is none stays text; what is too large is its size."""
    assert read_json(b'{"a": [1]}') == {"a": [1]}
    assert read_json(b"\xff{") == "\ufffd{"
    assert read_json(b"[" * (MAX_PARSED_BYTES + 1)) == f"[{MAX_PARSED_BYTES + 1} bytes]"
    assert read_json(b"1" * 1_500_000) == "[1500000 bytes]"
    assert read_json(b"[" * 100_000) == "[" * 100_000


def test_chat_chunks() -> None:
    """The texts of each choice, and tool calls, each in one piece."""

    def chunk(index: int, **delta: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"choices": [{"index": index, "delta": delta}]}

    tool = {"index": 0, "function": {"name": "find", "arguments": '{"a'}}
    more = {"index": 0, "function": {"arguments": '": 1}'}}
    raw = stream(
        chunk(0, role="assistant", content=""),
        chunk(0, content="joao@exam"),
        chunk(1, content="two"),
        chunk(0, content="ple.com"),
        chunk(0, tool_calls=[tool]),
        chunk(0, tool_calls=[more], reasoning_content="because"),
        {"choices": [], "usage": {}},
    )
    assert read_events(raw) == {
        "events": 7,
        "texts": {
            "0 content": "joao@example.com",
            "1 content": "two",
            "0 tool 0 name": "find",
            "0 tool 0 arguments": '{"a": 1}',
            "0 reasoning_content": "because",
        },
    }


def test_texts_of_completions() -> None:
    """The old form of choices."""
    raw = stream({"choices": [{"text": "a"}]}, {"choices": [{"text": "b", "index": 0}]})
    assert read_events(raw) == {"events": 2, "texts": {"0 text": "ab"}}


def test_a_response() -> None:
    """The last event holds all; before it there are deltas."""
    deltas = [
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 1, "delta": "a"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 1, "delta": "b"},
    ]
    broken = stream(*deltas)
    assert read_events(broken)["texts"] == {"response.output_text 0.1": "ab"}
    whole = stream(*deltas, {"type": "response.completed", "response": {"id": "resp_1"}})
    assert read_events(whole) == {"events": 3, "response": {"id": "resp_1"}}


def test_a_stream_that_broke() -> None:
    """Its error is told, and an event that is cut off is no event."""
    raw = stream({"error": {"code": "x"}}) + b'data: {"choices": [{"del'
    assert read_events(raw) == {"events": 1, "error": {"code": "x"}}


def test_what_is_no_utf_8() -> None:
    """A body is text then, and an event is passed over: what else was said is not lost."""
    assert read_json(b'{"a": "\xff"}') == '{"a": "\ufffd"}'
    raw = b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n' + stream({"error": 1})
    assert read_events(raw) == {"events": 1, "error": 1}


def test_strange_events() -> None:
    """Whatever a provider sends, something is told."""
    raw = stream(
        {"choices": 7}, {"choices": [7, {"delta": 7}, {"delta": {"tool_calls": 7}}]}, [], 7,
        {"choices": [{"delta": {"tool_calls": [7, {"function": 7}]}}]},
    )  # fmt: skip
    assert read_events(raw) == {"events": 3}
