"""A kept chat completion in its other form: the same answer, nothing invented, nothing left out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.response_cache import Form, Kept, Shape
from llmproxy.infra.controllers.openai.kept_chat import chat_events, whole_chat
from llmproxy.infra.controllers.openai.kept_forms import OpenAIForms
from tests.fakes.calls import chat_call
from tests.stream_invariants import heard

WITH_USAGE = b'{"include_usage":true}'
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 4,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
WHOLE = Shape(Form.WHOLE)
EVENTS = Shape(Form.EVENTS)
EVENTS_WITH_USAGE = Shape(Form.EVENTS, WITH_USAGE)
CALL = chat_call({"messages": []})
FORMS = OpenAIForms()

text = st.text(min_size=1, max_size=30)
calls = st.lists(
    st.builds(
        lambda number, name, arguments: {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        },
        st.integers(0, 99),
        text,
        st.text(max_size=30),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda call: call["id"],
)
token = st.fixed_dictionaries(
    {"token": text, "logprob": st.just(-0.25), "top_logprobs": st.just([])}
)


@st.composite
def choices(draw: st.DrawFn, index: int) -> dict[str, Any]:
    """A choice: text, a refusal or tool calls, with what goes with them."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    kind = draw(st.sampled_from(["text", "refusal", "calls"]))
    finish = draw(st.sampled_from(["stop", "length", "content_filter"]))
    logprobs = None
    if kind == "text":
        message["content"] = draw(text)
        if draw(st.booleans()):
            logprobs = {"content": draw(st.lists(token, max_size=2)), "refusal": None}
    elif kind == "refusal":
        message["refusal"] = draw(text)
    else:
        message["tool_calls"] = draw(calls)
        finish = "tool_calls"
    if draw(st.booleans()):
        message["reasoning_content"] = draw(text)
    choice = {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}
    if draw(st.booleans()):
        choice["content_filter_results"] = {"hate": {"filtered": False, "severity": "safe"}}
    return choice


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    """A whole chat completion."""
    count = draw(st.integers(1, 3))
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_800_000_000,
        "model": draw(text),
        "choices": [draw(choices(index)) for index in range(count)],
        "usage": USAGE,
    }
    if draw(st.booleans()):
        whole |= {"system_fingerprint": "fp_1", "service_tier": "default"}
    if draw(st.booleans()):
        whole["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": {}}]
    return whole


@given(completions(), st.booleans())
def test_there_and_back(whole: dict[str, Any], include_usage: bool) -> None:  # noqa: FBT001
    """A stream that is made of an answer keeps all rules, says the same, and leads back to it."""
    written = json.dumps(whole, indent=2).encode()  # as OpenAI writes them
    events = chat_events(written, WITH_USAGE if include_usage else b"")
    assert events is not None
    without_filters = [
        event for event in events.split(b"\n\n") if b'"prompt_filter_results"' not in event
    ]
    stream = heard(b"\n\n".join(without_filters), include_usage=include_usage)
    for choice in whole["choices"]:
        said, message = stream.choices[choice["index"]], choice["message"]
        assert said.text == (message["content"] or "")
        assert said.refusal == (message["refusal"] or "")
        assert said.reasoning == message.get("reasoning_content", "")
        assert said.finish == choice["finish_reason"]
    back = whole_chat(events)
    if include_usage:
        assert back is not None
        assert json.loads(back) == whole
    else:
        assert back is None, "a stream that does not tell its usage makes no answer in one piece"


@given(completions(), st.data())
def test_a_stream_in_any_pieces(whole: dict[str, Any], data: st.DataObject) -> None:
    """However a provider cuts texts into deltas, they are put together again."""
    events = chat_events(json.dumps(whole).encode(), WITH_USAGE)
    assert events is not None
    pieces = []
    for event in events.split(b"\n\n")[:-1]:
        chunk = json.loads(event[6:])
        pieces += _cut(chunk, data)
    back = whole_chat(b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in pieces))
    assert back is not None
    assert json.loads(back) == whole


def _cut(chunk: dict[str, Any], data: st.DataObject) -> list[dict[str, Any]]:
    """A chunk, its content in two."""
    if not chunk["choices"]:
        return [chunk]
    [choice] = chunk["choices"]
    content = choice["delta"].get("content")
    if not content:
        return [chunk]
    at = data.draw(st.integers(0, len(content)))
    first = choice | {"delta": {"content": content[:at]}}
    second = choice | {"delta": {"content": content[at:]}, "logprobs": None}
    return [chunk | {"choices": [first]}, chunk | {"choices": [second]}]


def _whole(**changes: Any) -> bytes:  # noqa: ANN401
    message = {"role": "assistant", "content": "hi", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    good = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }
    return json.dumps(good | changes).encode()


def _message(**further: Any) -> bytes:  # noqa: ANN401
    message = {"role": "assistant", "content": "hi", **further}
    return _whole(choices=[{"index": 0, "message": message, "finish_reason": "stop"}])


@pytest.mark.parametrize(
    "whole",
    [
        _whole(news=1),
        _whole(usage=None),
        _message(audio={"id": "a", "data": "AA=="}),
        _message(annotations=[{"type": "url_citation"}]),
        _message(function_call={"name": "f", "arguments": ""}),
        _message(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "n", "input": ""}}]),
        _message(thinking="hm"),
        b"no JSON",
    ],
)
def test_what_has_no_other_form_is_not_converted(whole: bytes) -> None:
    """Fields without a place in chunks, unknown ones, a usage that is not there."""
    kept = Kept(WHOLE, (), whole, "d", 0.0, 1.0)
    assert FORMS.converted(kept, CALL, EVENTS_WITH_USAGE) is None


def test_obfuscation_is_not_invented() -> None:
    """Whoever asks for padding of deltas gets a stream of its own."""
    kept = Kept(WHOLE, (), _whole(), "d", 0.0, 1.0)
    assert FORMS.converted(kept, CALL, Shape(Form.EVENTS, b'{"include_obfuscation":true}')) is None


def test_filters_that_change_within_a_stream_have_no_other_form() -> None:
    """One piece has one result of Azure's filter."""
    events = chat_events(_whole(), WITH_USAGE)
    assert events is not None
    for severity in ("safe", "low"):
        chunk = json.loads(events.split(b"\n\n")[1][6:])
        chunk["choices"][0]["content_filter_results"] = {"hate": {"severity": severity}}
        events = b"data: %b\n\n%b" % (json.dumps(chunk).encode(), events)
    assert whole_chat(events) is None


def test_options_of_streams_differ() -> None:
    """A stream with its usage serves who does not ask for it; the other way it cannot."""
    events = chat_events(_whole(), WITH_USAGE)
    assert events is not None
    with_usage = Kept(EVENTS_WITH_USAGE, (), events, "d", 0.0, 1.0)
    plain = FORMS.converted(with_usage, CALL, EVENTS)
    assert plain == chat_events(_whole(), b"")
    assert plain is not None
    without = Kept(EVENTS, (), plain, "d", 0.0, 1.0)
    assert FORMS.converted(without, CALL, EVENTS_WITH_USAGE) is None
    assert FORMS.converted(without, CALL, WHOLE) is None


def test_numbers_keep_their_text() -> None:
    """Usage and results of filters are what the provider wrote."""
    whole = _whole().replace(b'"total_tokens": 14', b'"total_tokens": 1E1,\n "x": 0.10')
    events = chat_events(whole, WITH_USAGE)
    assert events is not None
    assert b'"total_tokens":1E1,"x":0.10' in events
    assert b'"total_tokens":1E1,"x":0.10' in (whole_chat(events) or b"")
