"""Whatever Claude says, and however it is cut on its way, the rules of a stream hold."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, UpstreamError
from tests.stream_invariants import heard
from tests.unit.infra.providers.claude.asking import Json, framed, reader

PIECES = st.lists(st.text(max_size=8), max_size=4)
ARGUMENTS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
COUNT = st.integers(0, 10_000)
STOPS = ["end_turn", "stop_sequence", "max_tokens", "tool_use", "pause_turn", "refusal", "new_one"]
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "refusal": "content_filter",
}


def block(index: int, start: Json, deltas: list[Json]) -> list[Json]:
    """The events of one block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


@st.composite
def texts(draw: st.DrawFn) -> tuple[Json, list[Json], Json]:
    pieces = draw(PIECES)
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return {"type": "text", "text": ""}, deltas, {"text": "".join(pieces)}


@st.composite
def thoughts(draw: st.DrawFn) -> tuple[Json, list[Json], Json]:
    if draw(st.booleans()):
        return {"type": "redacted_thinking", "data": "d"}, [], {}
    pieces = draw(PIECES)
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    deltas.append({"type": "signature_delta", "signature": "s"})
    return (
        {"type": "thinking", "thinking": "", "signature": ""},
        deltas,
        {"reasoning": "".join(pieces)},
    )


@st.composite
def calls(draw: st.DrawFn) -> tuple[Json, list[Json], Json]:
    arguments = draw(ARGUMENTS)
    text = json.dumps(arguments) if arguments or draw(st.booleans()) else ""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    name = draw(st.sampled_from(["a", "get_weather"]))
    id_ = f"toolu_{draw(st.integers(0, 10**9))}"
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    start = {"type": "tool_use", "id": id_, "name": name, "input": {}}
    return start, deltas, {"call": {"id": id_, "name": name, "arguments": arguments}}


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[Json], Json]:
    """The events of a whole message, and what it says."""
    first = {
        "input_tokens": draw(COUNT),
        "output_tokens": 1,
        "cache_read_input_tokens": draw(COUNT),
    }
    events: list[Json] = [
        {
            "type": "message_start",
            "message": {"type": "message", "id": "msg_1", "content": [], "usage": first},
        }
    ]
    said: Json = {"text": "", "reasoning": "", "calls": []}
    blocks = draw(st.lists(st.one_of(texts(), thoughts(), calls()), max_size=5))
    for index, (start, deltas, means) in enumerate(blocks):
        if draw(st.booleans()):
            events.append({"type": "ping"})
        events += block(index, start, deltas)
        said["text"] += means.get("text", "")
        said["reasoning"] += means.get("reasoning", "")
        said["calls"] += [means["call"]] if "call" in means else []
    stop = draw(st.sampled_from(STOPS))
    finish = FINISHES.get(stop, "length")
    said["finish"] = "tool_calls" if said["calls"] and finish == "stop" else finish
    total = draw(COUNT)
    details = {"thinking_tokens": draw(st.integers(0, total))} if draw(st.booleans()) else None
    said["usage"] = (first["input_tokens"] + first["cache_read_input_tokens"], total)
    usage = {"output_tokens": total, "output_tokens_details": details}
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage})
    return [*events, {"type": "message_stop"}], said


def cut(draw: Any, data: bytes) -> list[bytes]:  # noqa: ANN401
    """The bytes in pieces, as a network may bring them."""
    edges = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]


@given(st.data(), messages(), st.booleans(), st.booleans())
def test_the_rules_hold(
    data: st.DataObject,
    message: tuple[list[Json], Json],
    include_usage: bool,  # noqa: FBT001
    crlf: bool,  # noqa: FBT001
) -> None:
    """One id, the role first, calls in order, their JSON whole, one reason to end, usage last."""
    events, said = message
    sent = framed(events)
    sent = sent.replace(b"\n", b"\r\n") if crlf else sent
    reading = reader(include_usage=include_usage)
    pieces = [reading.feed(piece) for piece in cut(data.draw, sent)]
    assert reading.done
    stream = heard(b"".join(pieces) + reading.end(), include_usage=include_usage)
    told = stream.only
    assert (told.text, told.reasoning) == (said["text"], said["reasoning"])
    assert [{**call, "arguments": json.loads(call["arguments"])} for call in told.calls] == said[
        "calls"
    ]
    assert told.finish == said["finish"]
    assert reading.usage is not None
    assert (reading.usage.total_input_tokens, reading.usage.total_output_tokens) == said["usage"]
    if include_usage:
        assert stream.usage is not None
        assert stream.usage["prompt_tokens"] == said["usage"][0]


@given(st.data(), messages())
def test_a_cut_stream_is_never_complete(
    data: st.DataObject, message: tuple[list[Json], Json]
) -> None:
    """Wherever it is cut before its last event, its end is an error."""
    events, _ = message
    sent = framed(events)
    last = len(framed(events[-1:]))
    reading = reader()
    reading.feed(sent[: data.draw(st.integers(0, len(sent) - last))])
    with pytest.raises(Broken):
        reading.end()


ODD = [
    b"event: message_stop\n",
    b"data: {}\n\n",
    b"data: [DONE]\n\n",
    b"\n\n",
    *(
        framed([event])
        for event in (
            {"type": "message_start"},
            {"type": "message_start", "message": {"id": "m"}},
            {"type": "content_block_stop", "index": 3},
            {"type": "content_block_delta", "delta": {"type": "input_json_delta"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
            {"type": "error", "error": "x"},
        )
    ),
]


@given(st.lists(st.binary(max_size=30) | st.sampled_from(ODD), max_size=8))
def test_nonsense_is_an_error_of_the_providers(pieces: list[bytes]) -> None:
    """Whatever bytes come, nothing but an error of the provider's leaves the reader."""
    reading = reader()
    with suppress(UpstreamError):
        for piece in pieces:
            reading.feed(piece)
        reading.end()
        assert reading.done
