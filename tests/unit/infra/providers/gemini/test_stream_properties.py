"""Whatever Gemini says, and however it is cut on its way, the rules of a stream hold."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, UpstreamError
from llmproxy.infra.providers.gemini.usage import Modality, UsageMetadata, usage_of
from tests.stream_invariants import heard
from tests.unit.infra.providers.gemini.asking import Json, framed, read_whole, reader

ARGUMENTS = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
COUNT = st.integers(0, 10_000)
REASONS = ["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "NEW_ONE"]
FINISHES = {"STOP": "stop", "MAX_TOKENS": "length"}


@st.composite
def parts(draw: st.DrawFn) -> Json:
    """A part of a candidate."""
    part: Json = draw(
        st.one_of(
            st.fixed_dictionaries({"text": st.text(max_size=8)}),
            st.fixed_dictionaries({"text": st.text(max_size=8), "thought": st.just(value=True)}),
            st.fixed_dictionaries(
                {
                    "functionCall": st.fixed_dictionaries(
                        {"name": st.sampled_from(["a", "get_weather"]), "args": ARGUMENTS},
                        optional={"id": st.text("abc", min_size=1, max_size=4)},
                    )
                }
            ),
            st.just({"executableCode": {"code": "1"}}),
            st.just({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}),
        )
    )
    if draw(st.booleans()):
        part["thoughtSignature"] = "c2ln"
    return part


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[Json], Json]:
    """The events of a whole answer, and what each of its choices says."""
    choices = draw(st.integers(1, 3))
    events: list[Json] = []
    said: Json = {index: {"text": "", "reasoning": "", "calls": []} for index in range(choices)}
    for _ in range(draw(st.integers(0, 5))):
        index = draw(st.integers(0, choices - 1))
        told = draw(st.lists(parts(), max_size=3))
        events.append(_event(draw, index, {"content": {"role": "model", "parts": told}}))
        for part in told:
            _hear(said[index], part)
    for index in draw(st.permutations(range(choices))):
        reason = draw(st.sampled_from(REASONS))
        finish = FINISHES.get(reason, "content_filter")
        calls = said[index]["calls"]
        said[index]["finish"] = "tool_calls" if calls and finish == "stop" else finish
        events.append(_event(draw, index, {"finishReason": reason}))
    prompt, out, thoughts = draw(COUNT), draw(COUNT), draw(COUNT)
    said["usage"] = (prompt, out + thoughts)
    events[-1]["usageMetadata"] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": out,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + out + thoughts,
    }
    return events, said


def _event(draw: st.DrawFn, index: int, candidate: Json) -> Json:
    event: Json = {"candidates": [candidate], "responseId": "r1"}
    if index or draw(st.booleans()):
        candidate["index"] = index
    if draw(st.booleans()):
        event["usageMetadata"] = {"promptTokenCount": 1}
    return event


def _hear(said: Json, part: Json) -> None:
    if "functionCall" in part:
        call = part["functionCall"]
        said["calls"].append((call["name"], call["args"], call.get("id")))
    elif "text" in part:
        said["reasoning" if part.get("thought") else "text"] += part["text"]


def cut(draw: Any, data: bytes) -> list[bytes]:  # noqa: ANN401
    """The bytes in pieces, as a network may bring them."""
    edges = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]


@given(st.data(), answers(), st.booleans(), st.booleans())
def test_the_rules_hold(
    data: st.DataObject,
    answer: tuple[list[Json], Json],
    include_usage: bool,  # noqa: FBT001
    whole_end: bool,  # noqa: FBT001
) -> None:
    """One id, the role first, calls in order, their JSON whole, one reason to end, usage last."""
    events, said = answer
    sent = framed(events)
    sent = sent if whole_end else sent.rstrip()
    reading = reader(include_usage=include_usage)
    stream = heard(read_whole(reading, cut(data.draw, sent)), include_usage=include_usage)
    counted = said.pop("usage")
    assert stream.choices.keys() == said.keys()
    for index, told in stream.choices.items():
        means = said[index]
        assert (told.text, told.reasoning) == (means["text"], means["reasoning"])
        assert told.finish == means["finish"]
        assert [(call["name"], json.loads(call["arguments"])) for call in told.calls] == [
            (name, arguments) for name, arguments, _ in means["calls"]
        ]
        for call, (_, _, id_) in zip(told.calls, means["calls"], strict=True):
            assert id_ in (None, call["id"])
    assert reading.usage is not None
    assert (reading.usage.total_input_tokens, reading.usage.total_output_tokens) == counted


@given(st.data(), answers())
def test_a_cut_stream_is_never_complete(
    data: st.DataObject, answer: tuple[list[Json], Json]
) -> None:
    """Cut before all that was begun has said why it ends, its end is an error."""
    events, _ = answer
    at = data.draw(st.integers(0, len(events) - 1))
    begun = {each["candidates"][0].get("index", 0) for each in events[:at] if _says(each)}
    ended = {
        each["candidates"][0].get("index", 0)
        for each in events[:at]
        if "finishReason" in each["candidates"][0]
    }
    reading = reader()
    before = reading.feed(framed(events[:at]))
    if begun - ended or not ended:
        with pytest.raises(Broken):
            reading.end()
    else:
        heard(before + reading.end(), include_usage=True)


def _says(event: Json) -> bool:
    told = event["candidates"][0].get("content", {}).get("parts", [])
    return any(_is_heard(part) for part in told)


def _is_heard(part: Json) -> bool:
    """Whether a part becomes a chunk."""
    if part.get("thought"):
        return bool(part["text"])
    spoken = part.get("text") or "functionCall" in part or "inlineData" in part
    return bool(spoken) or "thoughtSignature" in part


ODD = [
    b"data: {}\n\n",
    b"data: [DONE]\n\n",
    b"\n\n",
    b'data: {"candidates": [{}]}\n\n',
    b'data: {"candidates": [{"finishReason": "STOP"}]}\n\n',
    b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}\n\n',
    framed(
        [{"candidates": [{"content": {"parts": [{"functionCall": {"name": "a", "args": 5}}]}}]}]
    ),
    b'data: {"usageMetadata": {"promptTokenCount": "x"}}\n\n',
    b'data: {"usageMetadata": null, "error": null}\n\n',
    b'{"error": "x"}\n\n',
    b'[{"error": {"code": 400}}]\n\n',
]


@given(st.lists(st.binary(max_size=30) | st.sampled_from(ODD), max_size=8))
def test_nonsense_is_an_error_of_the_providers(pieces: list[bytes]) -> None:
    """Whatever bytes come, nothing but an error of the provider's leaves the reader."""
    reading = reader()
    with suppress(UpstreamError):
        read_whole(reading, pieces)


SAID = st.none() | st.integers(-5, 10_000)
DETAILS = st.none() | st.lists(
    st.builds(Modality, st.sampled_from(["TEXT", "AUDIO", "IMAGE", None]), SAID), max_size=3
)


@given(st.builds(UsageMetadata, SAID, SAID, SAID, SAID, SAID, SAID, DETAILS, DETAILS, DETAILS))
def test_no_count_is_negative_or_counted_twice(said: UsageMetadata) -> None:
    """Whatever is reported, each part is at least 0, and the whole is not more than was said."""
    usage = usage_of(said)
    assert min(usage[:-1]) >= 0
    counts = (
        said.prompt_token_count,
        said.tool_use_prompt_token_count,
        said.candidates_token_count,
        said.thoughts_token_count,
    )
    prompt, tools, out, thoughts = (max(count or 0, 0) for count in counts)
    assert prompt <= usage.total_input_tokens <= prompt + tools
    assert max(out, thoughts) <= usage.total_output_tokens <= out + thoughts
