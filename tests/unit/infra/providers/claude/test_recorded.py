"""The golden pairs of `tests/recorded/claude/`: what becomes what."""

import json
from pathlib import Path

import pytest

from tests.stream_invariants import heard
from tests.unit.infra.providers.claude.asking import Json, answered, chat, framed, reader, sent

RECORDED = Path(__file__).parents[4] / "recorded" / "claude"


def pairs(name: str) -> list[object]:
    cases: list[Json] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert cases
    return [pytest.param(case, id=case["says"]) for case in cases]


@pytest.mark.parametrize("case", pairs("requests"))
def test_requests(case: Json) -> None:
    """A request becomes this body; what was left out or changed is named, and nothing else is."""
    translation = chat(case["model"], case.get("type", "Anthropic"), **case.get("parameters", {}))
    made, body = sent(translation, case["request"])
    assert body == case["sent"]
    assert list(made.dropped) == case.get("dropped", [])
    assert list(made.changed) == case.get("changed", [])


@pytest.mark.parametrize("case", pairs("answers"))
def test_answers(case: Json) -> None:
    """A message becomes this completion, under the client's name of the model."""
    whole = answered(chat(), json.dumps(case["answer"], ensure_ascii=False).encode())
    assert (whole["id"], whole["model"]) == ("chatcmpl-msg_1", "claude")
    assert whole["object"] == "chat.completion"
    [choice] = whole["choices"]
    assert choice["message"] == case["message"]
    assert choice["finish_reason"] == case["finish_reason"]
    assert whole["usage"] == case["usage"]


@pytest.mark.parametrize("case", pairs("streams"))
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_streams(case: Json, size: int) -> None:
    """Events become these chunks, however they are cut on their way."""
    reading = reader()
    data = framed(case["events"])
    said = b"".join(reading.feed(data[at : at + size]) for at in range(0, len(data), size))
    stream = heard(said + reading.end(), include_usage=True)
    deltas = [chunk["choices"][0]["delta"] for chunk in stream.chunks if chunk["choices"]]
    assert deltas == case["deltas"]
    assert stream.only.finish == case["finish_reason"]
    assert stream.usage == case["usage"]
    assert reading.events == len(stream.chunks)
