"""What holds for every streamed chat completion, whatever provider it comes from.

`heard` takes the events of a whole answer, asserts all of it, and returns what was said. Rules:
openai-python 3.57.0 `types/chat/chat_completion_chunk.py` and its `_streaming.py`.
"""

import json
from dataclasses import dataclass, field
from typing import Any

FINISHES = {"stop", "length", "tool_calls", "content_filter"}
CHUNK = {"id", "object", "created", "model", "choices"}
Json = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """One choice of a stream, put together. `further` are the deltas with no word of OpenAI's."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[Json] = field(default_factory=list)
    finish: str | None = None
    further: list[Json] = field(default_factory=list)
    begun: bool = False


@dataclass(slots=True)
class Stream:
    """A whole stream: its choices by number, and its usage."""

    choices: dict[int, Heard]
    usage: Json | None
    chunks: list[Json]

    @property
    def only(self) -> Heard:
        """The one choice."""
        assert list(self.choices) == [0]
        return self.choices[0]


def chunks_of(events: bytes) -> list[Json]:
    """The JSON of events that are framed as OpenAI frames them."""
    assert events.endswith(b"\n\n"), "whole events only"
    chunks = []
    for event in events[:-2].split(b"\n\n"):
        assert event.startswith(b"data: "), event
        assert b"\n" not in event, "one line of data per event"
        chunks.append(json.loads(event[6:]))
    return chunks


def heard(events: bytes, *, include_usage: bool) -> Stream:
    """Assert the rules; `events` without `[DONE]`, which the gateway's desk adds."""
    chunks = chunks_of(events)
    _check_heads(chunks)
    usage = _usage_of(chunks, include_usage=include_usage)
    choices: dict[int, Heard] = {}
    for chunk in chunks:
        assert len(chunk["choices"]) <= 1
        for choice in chunk["choices"]:
            _hear(choices.setdefault(choice["index"], Heard()), choice)
    for said in choices.values():
        assert said.finish in FINISHES, "every choice says why it ends"
        assert (said.finish == "tool_calls") == (
            bool(said.calls) and said.finish not in {"length", "content_filter"}
        ), "finish_reason is tool_calls if and only if tools were called and nothing cut it"
        for call in said.calls:
            assert call["id"]
            assert call["name"]
    return Stream(choices, usage, chunks)


def _check_heads(chunks: list[Json]) -> None:
    heads = {(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}
    assert len(heads) == 1, "one id, created and model for all chunks"
    [(id_, created, _, kind)] = heads
    assert isinstance(id_, str)
    assert id_
    assert isinstance(created, int)
    assert kind == "chat.completion.chunk"
    assert all(chunk.keys() >= CHUNK for chunk in chunks)


def _usage_of(chunks: list[Json], *, include_usage: bool) -> Json | None:
    told = [chunk for chunk in chunks if chunk.get("usage") is not None]
    if not include_usage:
        assert not any("usage" in chunk for chunk in chunks)
        return None
    assert all("usage" in chunk for chunk in chunks), "null before it comes"
    assert len(told) <= 1
    if not told:
        return None
    assert told[0] is chunks[-1], "usage comes last"
    assert told[0]["choices"] == []
    usage: Json = told[0]["usage"]
    into, out = usage["prompt_tokens"], usage["completion_tokens"]
    assert into >= 0
    assert out >= 0
    assert usage["total_tokens"] == into + out
    into_parts, out_parts = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    assert sum(into_parts.values()) <= into
    assert sum(out_parts.values()) <= out
    assert min(*into_parts.values(), *out_parts.values()) >= 0
    return usage


def _hear(said: Heard, choice: Json) -> None:
    assert said.finish is None, "nothing comes after finish_reason"
    delta = dict(choice["delta"])
    assert "finish_reason" in choice
    role = delta.pop("role", None)
    assert (role == "assistant") is not said.begun, "the role comes first, and once"
    said.begun = True
    said.text += delta.pop("content", None) or ""
    said.reasoning += delta.pop("reasoning_content", None) or ""
    said.refusal += delta.pop("refusal", None) or ""
    for call in delta.pop("tool_calls", []):
        _hear_call(said.calls, call)
    if delta:
        said.further.append(delta)
    said.finish = choice["finish_reason"]


def _hear_call(calls: list[Json], piece: Json) -> None:
    index = piece["index"]
    function = piece["function"]
    assert isinstance(function.get("arguments", ""), str), "arguments are text"
    if index == len(calls):
        assert piece["type"] == "function"
        further = {k: v for k, v in piece.items() if k not in {"index", "id", "type", "function"}}
        calls.append({"id": piece["id"], "name": function["name"], "arguments": ""} | further)
    else:
        assert 0 <= index < len(calls), "the index of tool calls only grows by one"
        assert "id" not in piece, "the id comes once"
        assert "name" not in function, "the name comes once"
    calls[index]["arguments"] += function.get("arguments", "")
