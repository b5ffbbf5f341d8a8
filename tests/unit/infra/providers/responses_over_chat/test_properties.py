"""Whatever a chat streams, the events keep OpenAI's rules."""

import asyncio
import json
from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.infra.providers.responses_over_chat.chatting import (
    Chatting,
    Json,
    chunk,
    events_in,
    masked,
)

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), min_size=0, max_size=6)
FIELDS = ("content", "reasoning_content", "refusal")
FINISHES = ("stop", "tool_calls", "length", "content_filter")


@st.composite
def steps(draw: st.DrawFn) -> list[Json]:
    """What chunks add, one after another; calls are numbered as they come."""
    made: list[Json] = []
    calls = 0
    for kind in draw(st.lists(st.sampled_from((*FIELDS, "call", "more", "blocks")), max_size=12)):
        text = draw(TEXTS)
        if kind in FIELDS:
            made.append({kind: text})
        elif kind == "blocks":
            made.append({"thinking_blocks": [{"type": "redacted_thinking", "data": text}]})
        elif kind == "call":
            function = {"name": "f", "arguments": text}
            made.append({"tool_calls": [{"index": calls, "id": f"c{calls}", "function": function}]})
            calls += 1
        elif made and "tool_calls" in made[-1]:
            more = {"index": calls - 1, "function": {"arguments": text}}
            made.append({"tool_calls": [more]})
    return made


@given(deltas=steps(), finish=st.sampled_from(FINISHES), cuts=st.sets(st.integers(1, 14)))
def test_the_rules_of_events(deltas: list[Json], finish: str, cuts: set[int]) -> None:
    """Numbered from 0; each item added once and done once; pieces make the whole.

    What is poured and what is asked for makes no difference.
    """
    chunks = [chunk(role="assistant", content=""), *[chunk(**each) for each in deltas]]
    events = events_in(_streamed([*chunks, chunk(finish)], cuts))

    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert [each["type"] for each in events[:2]] == ["response.created", "response.in_progress"]
    cut = finish in {"length", "content_filter"}
    assert events[-1]["type"] == ("response.incomplete" if cut else "response.completed")
    output = events[-1]["response"]["output"]
    _check_items(events[2:-1], output)
    assert _said(output) == _given(deltas)


@given(deltas=steps(), finish=st.sampled_from(FINISHES))
def test_one_piece_says_the_same_as_events(deltas: list[Json], finish: str) -> None:
    """A message that holds all that was streamed makes the same texts and calls."""
    message = _given(deltas)
    calls = [
        {"id": f"c{number}", "function": {"name": "f", "arguments": arguments}}
        for number, arguments in enumerate(message["calls"])
    ]
    whole = {name: text for name, text in message.items() if name in FIELDS} | {
        "thinking_blocks": message["blocks"],
        "tool_calls": calls,
    }
    answer = {"choices": [{"message": whole, "finish_reason": finish}]}
    response = json.loads(Chatting().whole({"model": "mini", "input": "x"}, answer).body)
    assert _said(response["output"]) == message


def _streamed(chunks: list[bytes], cuts: set[int]) -> bytes:
    """All events; those between two cuts are poured, and the sink declines at a cut."""
    events = Chatting().streamed([*chunks, None])

    async def main() -> bytes:
        got: list[bytes] = []

        def sink(data: bytes) -> bool:
            if len(got) in cuts:
                return False
            got.append(data)
            return True

        while (batch := await events.next()) is not None:
            got.append(batch)
            await events.pour(sink)
        return b"".join(got)

    return asyncio.run(main())


def _check_items(events: list[Json], output: list[Json]) -> None:
    open_item: Json | None = None
    done: list[Json] = []
    pieces = ""
    for each in events:
        kind = each["type"].removeprefix("response.")
        assert each["output_index"] == len(done)
        if kind == "output_item.added":
            assert open_item is None
            open_item = each["item"]
            continue
        assert open_item is not None
        assert each.get("item_id", open_item["id"]) == open_item["id"]
        if kind == "output_item.done":
            assert each["item"]["id"] == open_item["id"]
            assert each["item"]["type"] == open_item["type"]
            done.append(each["item"])
            open_item = None
        elif kind.endswith(".delta"):
            pieces += each["delta"]
        elif kind == "content_part.done":
            assert each["part"].get("text", each["part"].get("refusal")) is not None
        elif kind.endswith(".done"):
            whole = {each[name] for name in ("text", "refusal", "arguments") if name in each}
            assert whole == {pieces}
            pieces = ""
    assert open_item is None
    assert done == output
    assert len({item["id"] for item in done}) == len(done)


def _given(deltas: list[Json]) -> Json:
    """Everything of a kind that was said, in its order."""
    made: Json = {field: "".join(each.get(field, "") for each in deltas) for field in FIELDS}
    blocks = [each["thinking_blocks"] for each in deltas if "thinking_blocks" in each]
    calls: list[str] = []
    for each in deltas:
        for call in each.get("tool_calls", ()):
            if "id" in call:
                calls.append("")
            calls[-1] += call["function"]["arguments"]
    return made | {"blocks": list(chain.from_iterable(blocks)), "calls": calls}


def _said(output: list[Json]) -> Json:
    parts: list[Any] = [part for item in output for part in item.get("content", ())]
    signed = [item.get("encrypted_content") for item in masked(output)]
    return {
        "content": "".join(part["text"] for part in parts if part["type"] == "output_text"),
        "reasoning_content": "".join(
            part["text"] for part in parts if part["type"] == "reasoning_text"
        ),
        "refusal": "".join(part["refusal"] for part in parts if part["type"] == "refusal"),
        "blocks": [block for each in signed if each for block in each["thinking_blocks"]],
        "calls": [item["arguments"] for item in output if item["type"] == "function_call"],
    }
