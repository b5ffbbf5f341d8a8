"""The golden pairs of `tests/recorded/gemini/`: what becomes what."""

import json
from pathlib import Path

import pytest

from tests.stream_invariants import heard
from tests.unit.infra.providers.gemini.asking import Json, answered, chat, framed, reader, sent

RECORDED = Path(__file__).parents[4] / "recorded" / "gemini"
MADE_ID = "call_(made)"


def pairs(name: str) -> list[object]:
    cases: list[Json] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert cases
    return [pytest.param(case, id=case["says"]) for case in cases]


def without_made_ids(calls: list[Json]) -> None:
    """Ids of calls that the model gave none are random."""
    for call in calls:
        if len(call.get("id", "")) == 29:
            call["id"] = MADE_ID


@pytest.mark.parametrize("case", pairs("requests"))
def test_requests(case: Json) -> None:
    """A request becomes this body; what was left out or changed is named, and nothing else is."""
    translation = chat(case["model"], **case.get("parameters", {}))
    made, body = sent(translation, case["request"])
    assert body == case["sent"]
    assert list(made.dropped) == case.get("dropped", [])
    assert list(made.changed) == case.get("changed", [])


@pytest.mark.parametrize("case", pairs("answers"))
def test_answers(case: Json) -> None:
    """An answer becomes this completion, under the client's name of the model."""
    whole = answered(chat(), case["answer"])
    assert (whole["id"], whole["model"]) == ("chatcmpl-r1", "shown")
    assert whole["object"] == "chat.completion"
    for choice in whole["choices"]:
        without_made_ids(choice["message"].get("tool_calls", []))
    assert whole["choices"] == case["choices"]
    assert whole.get("usage") == case.get("usage")


@pytest.mark.parametrize("case", pairs("streams"))
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_streams(case: Json, size: int) -> None:
    """Events become these chunks, however they are cut on their way."""
    reading = reader()
    data = framed(case["events"])
    said = b"".join(reading.feed(data[at : at + size]) for at in range(0, len(data), size))
    stream = heard(said + reading.end(), include_usage=True)
    choices = [chunk["choices"][0] for chunk in stream.chunks if chunk["choices"]]
    for choice in choices:
        without_made_ids(choice["delta"].get("tool_calls", []))
    assert [choice["delta"] for choice in choices] == case["deltas"]
    assert {str(index): said.finish for index, said in stream.choices.items()} == case["finishes"]
    assert stream.usage == case.get("usage")
    assert reading.events == len(stream.chunks)
