"""A translated stream, cut anywhere, poured or read, with a client that is slow now and then."""

import asyncio
import itertools
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.translated.events import TranslatedEvents
from llmproxy.infra.providers.transport.errors import Cut
from tests.fakes.calls import chat_call
from tests.fakes.stream_reader import Read, Upstream, read_events
from tests.stream_invariants import heard
from tests.unit.infra.providers.near_openai.asking import MISTRAL, near_openai

WORDS = ("Hello", " w\u00f6rld", " and", " more")


def _event(delta: str, finish: str = "null", further: str = "") -> bytes:
    choice = f'{{"index":0,"delta":{delta},"finish_reason":{finish}}}'
    return f'data: {{"id":"u1","choices":[{choice}]{further}}}\n\n'.encode()


USED = ',"usage":{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11}'
BEGIN = _event('{"role":"assistant","content":""}')
SAID = [_event(f'{{"content":"{word}"}}') for word in WORDS]
LAST = _event('{"content":""}', '"stop"', USED)
ERROR = b'data: {"object":"error","error":{"message":"overloaded"}}\n\n'
WHOLE = BEGIN + b"".join(SAID) + LAST + b"data: [DONE]\n\n"


def _read(pieces: Sequence[bytes], *, pour: bool, slow: int = 0, error: Cut | None = None) -> Read:
    """Read what arrives in these pieces; the client takes nothing every `slow`th time."""
    translation = near_openai(MISTRAL)
    call = chat_call({"messages": [], "stream": True, "stream_options": {"include_usage": True}})
    turns = itertools.count(1)
    return asyncio.run(
        read_events(
            Upstream(pieces=pieces, error=error),
            lambda exchange, again: TranslatedEvents(
                exchange, again, translation, translation.reading(call)
            ),
            pour,
            lambda: bool(slow) and next(turns) % slow == 0,
        )
    )


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12), st.booleans(), st.integers(0, 3))
def test_any_cuts(places: list[int], pour: bool, slow: int) -> None:  # noqa: FBT001
    """The answer is the same and said once, however it arrives and however slow the client is."""
    marks = sorted({0, len(WHOLE), *places})
    read = _read([WHOLE[a:b] for a, b in pairwise(marks)], pour=pour, slow=slow)

    assert read.error is None
    stream = heard(read.data, include_usage=True)
    assert stream.only.text == "".join(WORDS)
    assert stream.usage is not None
    assert stream.usage["total_tokens"] == 11
    assert read.events.usage is not None
    assert read.events.usage.output_tokens == 4
    assert read.events.passed == len(stream.chunks)


@pytest.mark.parametrize("pour", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_what_came_before_a_failure_is_given_first(*, pour: bool, at_once: bool) -> None:
    """Then the failure is raised, and no end is made up."""
    parts = [BEGIN, SAID[0], SAID[1], ERROR]
    read = _read([b"".join(parts)] if at_once else parts, pour=pour)

    assert isinstance(read.error, Broken)
    assert read.error.message == "overloaded"
    assert b"Hello" in read.data
    assert b'"finish_reason":"' not in read.data


@pytest.mark.parametrize("pour", [False, True])
def test_a_stream_that_ends_too_early(*, pour: bool) -> None:
    """A clean end of the connection is no end of the answer."""
    read = _read([BEGIN, *SAID], pour=pour)

    assert isinstance(read.error, Broken)
    assert b'"finish_reason":"' not in read.data


@pytest.mark.parametrize("pour", [False, True])
def test_a_connection_that_breaks(*, pour: bool) -> None:
    """So it is with one that is cut."""
    read = _read([BEGIN, *SAID], pour=pour, error=Cut("reset", before_answer=False))

    assert isinstance(read.error, Broken)
    assert b"more" in read.data


def test_the_end_needs_no_closed_connection() -> None:
    """Behind `[DONE]` nothing is waited for, and nothing is read."""
    read = _read([WHOLE + SAID[0]], pour=False)

    assert read.error is None
    assert heard(read.data, include_usage=True).only.text == "".join(WORDS)
