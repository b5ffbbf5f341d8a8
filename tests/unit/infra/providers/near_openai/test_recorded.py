"""The golden pairs of `tests/recorded/near_openai/`: what becomes what."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.calls import chat_call
from tests.stream_invariants import heard
from tests.unit.infra.providers.near_openai.asking import answered, near_openai, sent

RECORDED = Path(__file__).parents[4] / "recorded" / "near_openai"
STREAMED = {"messages": [], "stream": True, "stream_options": {"include_usage": True}}


def pairs(name: str) -> list[Any]:
    cases = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert cases
    return [pytest.param(case, id=case["says"]) for case in cases]


@pytest.mark.parametrize("case", pairs("requests"))
def test_requests(case: Any) -> None:  # noqa: ANN401 - JSON
    """A request becomes this body; what is left out is named, and nothing else is."""
    translation = near_openai(case["type"], **case.get("parameters", {}))
    made, body = sent(translation, chat_call(case["request"]))

    assert body == case["sent"]
    assert list(made.dropped) == case.get("dropped", [])


@pytest.mark.parametrize("case", pairs("answers"))
def test_answers(case: Any) -> None:  # noqa: ANN401 - JSON
    """An answer becomes this completion, under the client's name of the model."""
    whole = answered(
        near_openai(case["type"]),
        chat_call({"messages": []}),
        json.dumps(case["answer"], ensure_ascii=False).encode(),
    )

    assert whole["choices"] == case["choices"]
    assert (whole["object"], whole["model"]) == ("chat.completion", "shown")
    usage = whole["usage"]
    assert [usage["prompt_tokens"], usage["completion_tokens"]] == case["tokens"]


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
@pytest.mark.parametrize("case", pairs("streams"))
def test_streams(case: Any, size: int) -> None:  # noqa: ANN401 - JSON
    """Events become this answer, however they are cut on their way."""
    reading = near_openai(case["type"]).reading(chat_call(STREAMED))
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in case["events"])
    data += b"data: [DONE]\n\n"
    said = b"".join(reading.feed(data[at : at + size]) for at in range(0, len(data), size))
    stream = heard(said + reading.end(), include_usage=True)

    only = stream.only
    assert (only.text, only.reasoning, only.calls) == (
        case["text"],
        case["reasoning"],
        case["calls"],
    )
    assert only.finish == case["finish"]
    assert stream.usage is not None
    used = [stream.usage["prompt_tokens"], stream.usage["completion_tokens"]]
    assert used == case["tokens"]
    assert reading.done
