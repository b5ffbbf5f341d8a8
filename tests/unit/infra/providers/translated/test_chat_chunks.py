"""Whatever is said in whatever order, the chunks keep OpenAI's rules or the answer is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.translated.chat_answer import AnswerHead
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from tests.stream_invariants import heard

HEAD = AnswerHead("chatcmpl-1", 1_700_000_000, "shown")
TEXT = st.text(max_size=12)
STEP = st.one_of(
    st.tuples(st.just("text"), TEXT),
    st.tuples(st.just("reasoning"), TEXT),
    st.tuples(st.just("refusal"), TEXT),
    st.tuples(st.just("tool"), st.lists(TEXT, max_size=3)),
    st.tuples(st.just("role"), st.none()),
)
FINISH = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
COUNT = st.integers(0, 1 << 40)
USAGE = st.builds(Usage, **dict.fromkeys(Usage._fields[:-1], COUNT), estimated=st.just(value=False))


def _say(chunks: ChatChunks, step: tuple[str, Any], choice: int) -> bytes:
    kind, said = step
    if kind == "tool":
        index, begun = chunks.tool_begins(f"call_{len(said)}", "look", choice)
        return begun + b"".join(chunks.tool_arguments(index, each, choice) for each in said)
    if kind == "role":
        return chunks.role(choice)
    said_by = {"text": chunks.text, "reasoning": chunks.reasoning, "refusal": chunks.refusal}
    return said_by[kind](said, choice)


@given(
    st.lists(st.tuples(STEP, st.integers(0, 2)), max_size=30),
    FINISH,
    st.booleans(),
    st.none() | USAGE,
)
def test_any_answer(
    steps: list[tuple[tuple[str, Any], int]],
    reason: str,
    asked: bool,  # noqa: FBT001
    usage: Usage | None,
) -> None:
    """Choices mixed in any way: the texts are whole and every rule holds."""
    chunks = ChatChunks(HEAD, include_usage=asked)
    events = b"".join(_say(chunks, step, choice) for step, choice in steps)
    for choice in {choice for _, choice in steps} | {0}:
        chunks.finishes(reason, choice)
        chunks.finishes("stop", choice)
    events += chunks.end(usage)

    stream = heard(events, include_usage=asked)
    assert chunks.events == len(stream.chunks)
    for number, said in stream.choices.items():
        mine = [step for step, choice in steps if choice == number]
        assert said.text == "".join(each for kind, each in mine if kind == "text")
        assert said.reasoning == "".join(each for kind, each in mine if kind == "reasoning")
        calls = [each for kind, each in mine if kind == "tool"]
        assert [call["arguments"] for call in said.calls] == ["".join(each) for each in calls]
        cut = reason in {"length", "content_filter"}
        assert said.finish == (reason if cut else "tool_calls" if calls else "stop")
    assert (stream.usage is not None) is (asked and usage is not None)


def test_an_answer_without_an_end_is_none() -> None:
    """No reason is made up for an answer that was cut."""
    chunks = ChatChunks(HEAD, include_usage=False)
    chunks.text("half")

    with pytest.raises(Broken, match="ended its answer early"):
        chunks.end(None)


def test_nothing_is_no_answer() -> None:
    """An answer that never began is not an empty one."""
    with pytest.raises(Broken, match="holds nothing"):
        ChatChunks(HEAD, include_usage=True).end(Usage())


def test_arguments_of_no_call() -> None:
    """Fragments of a call that never began are not attached to another."""
    chunks = ChatChunks(HEAD, include_usage=False)
    chunks.tool_begins("call_1", "look")

    with pytest.raises(Broken, match="never began"):
        chunks.tool_arguments(1, "{}")


def test_speech_after_the_end() -> None:
    """What goes on after it had finished makes no sense."""
    chunks = ChatChunks(HEAD, include_usage=False)
    chunks.finishes("stop")

    with pytest.raises(Broken, match="goes on after"):
        chunks.text("more")
