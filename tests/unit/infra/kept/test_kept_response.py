"""A kept response in its other form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.response_cache import Form, Kept, Shape
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.openai.kept_forms import OpenAIForms
from llmproxy.infra.controllers.openai.kept_response import response_events, whole_response
from llmproxy.infra.wire.event_stream import data_in
from tests.fakes.calls import chat_call

CALL = chat_call({"input": "hi"}, Endpoint.RESPONSES)
FORMS = OpenAIForms()
texts = st.text(max_size=30)
parts = st.builds(
    lambda said, annotations: {"type": "output_text", "text": said, "annotations": annotations},
    texts,
    st.lists(st.just({"type": "url_citation", "url": "http://x"}), max_size=2),
) | st.builds(lambda said: {"type": "refusal", "refusal": said}, texts)


@st.composite
def items(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A message, a call or a thought."""
    item = {"id": f"item_{number}", "status": "completed"}
    kind = draw(st.sampled_from(["message", "function_call", "reasoning"]))
    if kind == "message":
        content = draw(st.lists(parts, min_size=1, max_size=2))
        return item | {"type": kind, "role": "assistant", "content": content}
    if kind == "function_call":
        named = {"call_id": f"call_{number}", "name": "f", "arguments": draw(texts)}
        return item | {"type": kind, **named}
    summary = [{"type": "summary_text", "text": said} for said in draw(st.lists(texts, max_size=2))]
    return item | {"type": kind, "summary": summary, "encrypted_content": draw(texts)}


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """A whole response."""
    status = draw(st.sampled_from(["completed", "incomplete"]))
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": "m",
        "output": [draw(items(number)) for number in range(draw(st.integers(0, 3)))],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    }
    return whole | ({"completed_at": 2} if draw(st.booleans()) else {})


def _events(whole: dict[str, Any]) -> list[dict[str, Any]]:
    events = response_events(json.dumps(whole, indent=2).encode())
    assert events is not None
    return [json.loads(data) for data in data_in(events)]


@given(responses())
def test_there_and_back(whole: dict[str, Any]) -> None:
    """Numbered without gaps; what the deltas say together is what the last event holds."""
    events = _events(whole)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[0]["response"]["output"] == []
    assert events[0]["response"]["status"] == "in_progress"
    assert events[-1] == {
        "type": f"response.{whole['status']}",
        "sequence_number": len(events) - 1,
        "response": whole,
    }
    assert _said(events) == [_content(item) for item in whole["output"]]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == whole["output"]
    back = whole_response(response_events(json.dumps(whole).encode()) or b"")
    assert back is not None
    assert json.loads(back) == whole


def _said(events: list[dict[str, Any]]) -> list[str]:
    """What the deltas of each item say, as a client that adds them up has it."""
    said: list[str] = []
    for event in events:
        if event["type"] == "response.output_item.added":
            assert event["output_index"] == len(said)
            said.append("")
        elif event["type"].endswith(".delta"):
            said[event["output_index"]] += event["delta"]
    return said


def _content(item: dict[str, Any]) -> str:
    if item["type"] == "function_call":
        return str(item["arguments"])
    held = item.get("content") or item.get("summary") or []
    return "".join(part.get("text", part.get("refusal", "")) for part in held)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "message", "id": "m", "content": [{"type": "output_audio"}]},
        {"type": "reasoning", "id": "r", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": []},
    ],
)
def test_items_with_events_of_other_kinds_are_not_converted(item: dict[str, Any]) -> None:
    """Their events are not written from memory."""
    whole = {"id": "resp_1", "status": "completed", "output": [item]}
    assert response_events(json.dumps(whole).encode()) is None


def test_which_forms_serve_which() -> None:
    """Events never serve other events; options of streams ask for a stream of one's own."""
    whole = json.dumps({"id": "r", "status": "completed", "output": []}).encode()
    events = response_events(whole) or b""
    kept = Kept(Shape(Form.WHOLE), (), whole, "d", 0.0, 1.0)
    streamed = Kept(Shape(Form.EVENTS), (), events, "d", 0.0, 1.0)
    options = Shape(Form.EVENTS, b'{"include_obfuscation":true}')
    assert FORMS.converted(kept, CALL, Shape(Form.EVENTS)) == events
    assert FORMS.converted(streamed, CALL, Shape(Form.WHOLE)) == whole.replace(b" ", b"")
    assert FORMS.converted(kept, CALL, options) is None
    assert FORMS.converted(streamed, CALL, options) is None
