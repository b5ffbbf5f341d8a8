"""Signatures come back on the part that they came with, whatever the client keeps of an answer."""

from typing import Any

import pytest

from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from tests.stream_invariants import heard
from tests.unit.infra.providers.gemini.asking import Json, answered, chat, framed, reader, sent

MODEL = "gemini-3-flash-preview"
ASKED: Json = {"role": "user", "content": "Weather?"}
PARTS: list[Json] = [
    {"text": "I look."},
    {
        "functionCall": {"name": "weather", "id": "f1", "args": {"city": "Lisbon"}},
        "thoughtSignature": "c2lnMQ==",
    },
    {"functionCall": {"name": "now", "args": {}}, "thoughtSignature": "c2lnMg=="},
    {"functionCall": {"name": "last", "args": {}}},
]
ANSWER: Json = {
    "candidates": [{"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}]
}


def plain(kept: KeptReasoning) -> Json:
    message: Json = answered(chat(MODEL, kept), ANSWER)["choices"][0]["message"]
    return message


def streamed(kept: KeptReasoning) -> Json:
    reading = reader(kept=kept)
    said = heard(reading.feed(framed([ANSWER])) + reading.end(), include_usage=True).only
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
            **{name: call[name] for name in call if name == "extra_content"},
        }
        for call in said.calls
    ]
    return {"role": "assistant", "content": said.text, "tool_calls": calls}


def forgetful(message: Json) -> Json:
    """What is left of a message where only OpenAI's own fields are kept."""
    calls = [
        {name: call[name] for name in ("id", "type", "function")} for call in message["tool_calls"]
    ]
    return {"role": "assistant", "content": message["content"], "tool_calls": calls}


def again(message: Json, kept: KeptReasoning, name: str = MODEL) -> tuple[Any, list[Json]]:
    """The parts of the model's turn, and what was changed, when its results are brought."""
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"}
        for call in message["tool_calls"]
    ]
    made, body = sent(chat(name, kept), {"messages": [ASKED, message, *results]})
    parts: list[Json] = body["contents"][1]["parts"]
    return made.changed, parts


def signatures(parts: list[Json]) -> list[str | None]:
    return [part.get("thoughtSignature") for part in parts]


SIGNED = [None, "c2lnMQ==", "c2lnMg==", None]


@pytest.mark.parametrize("answer", [plain, streamed])
def test_a_client_that_keeps_messages_whole(answer: Any) -> None:  # noqa: ANN401
    """It sends the signatures back itself; another process needs to remember nothing."""
    changed, parts = again(answer(KeptReasoning()), KeptReasoning())
    assert signatures(parts) == SIGNED
    assert changed == ()
    assert parts[1]["functionCall"] == PARTS[1]["functionCall"]


@pytest.mark.parametrize("answer", [plain, streamed])
def test_a_client_that_forgets(answer: Any) -> None:  # noqa: ANN401
    """For it they are remembered here, by the ids of the calls."""
    kept = KeptReasoning()
    changed, parts = again(forgetful(answer(kept)), kept)
    assert (signatures(parts), changed) == (SIGNED, ())


def test_a_conversation_from_elsewhere() -> None:
    """The first call gets the documented dummy and the caller is told; older models need none."""
    message = forgetful(plain(KeptReasoning()))
    changed, parts = again(message, KeptReasoning())
    assert signatures(parts) == [None, "skip_thought_signature_validator", None, None]
    assert changed == ("messages",)
    changed, parts = again(message, KeptReasoning(), "gemini-2.5-flash")
    assert (signatures(parts), changed) == ([None] * 4, ())


def test_each_step_of_the_current_turn() -> None:
    """Every step of the turn that goes on needs one, no step of an earlier turn."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    step = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ]
    body = sent(chat(MODEL), {"messages": [ASKED, *step, ASKED, *step, *step]})[1]
    told = [signatures(each["parts"])[0] for each in body["contents"] if each["role"] == "model"]
    assert told == [None, *["skip_thought_signature_validator"] * 2]


def test_a_signature_without_text() -> None:
    """A message that had nothing but a signature keeps it, in an empty text."""
    extra = {"google": {"thought_signature": "c2ln"}}
    message = {"role": "assistant", "content": "", "extra_content": extra}
    body = sent(chat(MODEL), {"messages": [ASKED, message, ASKED]})[1]
    assert body["contents"][1]["parts"] == [{"text": "", "thoughtSignature": "c2ln"}]


@pytest.mark.parametrize("extra", [{}, {"google": 5}, {"google": {"thought_signature": ""}}])
def test_odd_extra_content(extra: Json) -> None:
    """What is no signature is not sent."""
    message = {"role": "assistant", "content": "a", "extra_content": extra}
    body = sent(chat(MODEL), {"messages": [ASKED, message, ASKED]})[1]
    assert body["contents"][1]["parts"] == [{"text": "a"}]
