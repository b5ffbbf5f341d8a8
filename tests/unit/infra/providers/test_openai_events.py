"""A stream of OpenAI's wire, cut anywhere: the same bytes, the same usage, the same end."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, GatewayError, TimedOut
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.sse import MAX_EVENT_BYTES
from llmproxy.infra.providers.transport.errors import Cut, Silent, TransportError, Wait
from tests.fakes.stream_reader import Upstream, read_stream, stream_of


def _event(text: str, end: bytes = b"\n\n") -> bytes:
    return b"data: " + text.encode() + end


def _delta(delta: str) -> str:
    return f'{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}'


ROLE = _delta('{"role":"assistant","content":"","refusal":null}')
WORDS = [
    _delta(f'{{"content":"{word}"}}') for word in ("Ol\u00e1", " \u4e16", ' \\"error\\"', "[DONE]")
]
FINISH = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}'
USAGE = (
    '{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,'
    '"prompt_tokens_details":{"cached_tokens":4},'
    '"completion_tokens_details":{"reasoning_tokens":2}}}'
)
COUNTED = Usage(input_tokens=8, cache_read_tokens=4, output_tokens=3, reasoning_tokens=2)
TEXTS = [ROLE, *WORDS, FINISH, USAGE, "[DONE]"]


def _stream(end: bytes) -> bytes:
    return b"".join(_event(text, end) for text in TEXTS)


def _shown(end: bytes, *, hide_usage: bool) -> bytes:
    return b"".join(_event(text, end) for text in (TEXTS[:-2] if hide_usage else TEXTS[:-1]))


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("hide_usage", [True, False], ids=["hidden", "asked"])
@pytest.mark.parametrize("pour", [False, True], ids=["next", "pour"])
async def test_every_cut(end: bytes, *, hide_usage: bool, pour: bool) -> None:
    """Cut in two at each byte, or byte by byte, a stream gives the same bytes and usage."""
    whole = _stream(end)
    expected = _shown(end, hide_usage=hide_usage)
    cuts = [[whole[:at], whole[at:]] for at in range(1, len(whole))]
    for pieces in (*cuts, [whole], [whole[at : at + 1] for at in range(len(whole))]):
        read = await read_stream(Upstream(pieces=pieces), hide_usage=hide_usage, pour=pour)
        assert (read.data, read.error) == (expected, None)
        assert read.events.usage == COUNTED


@given(
    st.lists(st.integers(0, 2_000), max_size=8),
    st.sampled_from([b"\n\n", b"\r\n\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_any_cuts(places: list[int], end: bytes, hide_usage: bool, pour: bool) -> None:  # noqa: FBT001
    """So it does in any pieces."""
    whole = _stream(end)
    marks = sorted({0, len(whole), *(min(place, len(whole)) for place in places)})
    pieces = [whole[start:stop] for start, stop in pairwise(marks)]
    read = asyncio.run(read_stream(Upstream(pieces=pieces), hide_usage=hide_usage, pour=pour))

    assert (read.data, read.error) == (_shown(end, hide_usage=hide_usage), None)
    assert read.events.usage == COUNTED


@given(st.integers(1, 2_000), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_a_cut_stream_is_never_complete(length: int, pour: bool, reset: bool) -> None:  # noqa: FBT001
    """Wherever it breaks off before its end: whole events, then an error, never a quiet end."""
    whole = _stream(b"\n\n")
    ended = whole.index(_event(FINISH)) + len(_event(FINISH))
    kept = whole[: min(length, ended - 1)]
    error = Cut("reset", before_answer=False) if reset else None
    read = asyncio.run(read_stream(Upstream(pieces=[kept], error=error), pour=pour))

    assert isinstance(read.error, Broken)
    assert kept.startswith(read.data)
    assert read.data == b"" or read.data.endswith(b"\n\n")


@pytest.mark.asyncio
async def test_headers_that_pass() -> None:
    """The provider's id gets its own name; what is not on the list stays behind."""
    read = await stream_of(_stream(b"\n\n"))

    assert read.events.headers == [b"x-llmproxy-upstream-request-id: u1"]
    assert read.events.output_bytes > 0


@pytest.mark.asyncio
async def test_a_quiet_end_after_the_finish_is_complete() -> None:
    """`[DONE]` may be missing when the provider has said why it stopped."""
    read = await stream_of(_event(ROLE), _event(FINISH))

    assert (read.error, read.data) == (None, _event(ROLE) + _event(FINISH))
    assert read.events.usage is None


FILTERED = '"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"index":0'
AZURE = [
    '{"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}',
    ROLE,
    *(_delta(f'{{"content":"word {each}"}}').replace('"index":0', FILTERED) for each in range(40)),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [1, 50, 100_000], ids=["bytes", "pieces", "whole"])
async def test_what_azure_says_of_its_filter_is_no_text(size: int) -> None:
    """Where usage is estimated, nobody pays for the filter's results in each event."""
    whole = b"".join(_event(text) for text in AZURE)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    read = await stream_of(*pieces)

    # Seven or six bytes of text in each of forty events, and a token for each without.
    assert 40 * 6 <= read.events.output_bytes <= 40 * 8


ERRORS = {
    "plain": '{"error":{"message":"Sorry.","code":"overloaded"}}',
    "spaced": ' { "error" : {"message":"Sorry."} }',
    "a-list": '[{"error":{"message":"Sorry."}}]',
    "behind-others": '{"id":"x","error":{"message":"Sorry."},"choices":[]}',
    "a-word": '{"error":"Sorry."}',
}


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("together", [True, False])
async def test_an_error_event(text: str, *, together: bool) -> None:
    """It is raised in the provider's words, behind what came before it; its bytes do not pass."""
    pieces = [_event(WORDS[0]), _event(WORDS[1]) * 2, _event(text)]
    read = await stream_of(*([b"".join(pieces)] if together else pieces))

    assert isinstance(read.error, Broken)
    assert read.error.message == "Sorry."
    assert b"Sorry" not in read.data
    assert read.data == b"".join(pieces[:2])
    assert read.line.aborted


@pytest.mark.asyncio
async def test_a_named_error_event() -> None:
    """An event of the type `error` is one, whatever it holds."""
    read = await stream_of(_event(WORDS[0]), b'event: error\ndata: {"message":"Sorry."}\n\n')

    assert isinstance(read.error, Broken)
    assert read.error.message == "Sorry."


@pytest.mark.asyncio
async def test_words_that_look_like_control() -> None:
    """Text that holds the words of the protocol is text."""
    texts = [
        _delta(f'{{"content":"{word}"}}') for word in ("error", "data: [DONE]", '\\"usage\\":{')
    ]
    texts.append('{"error":null,"choices":[{"index":0,"delta":{"content":"x"}}]}')
    shown = b"".join(_event(text) for text in (*texts, FINISH))
    read = await stream_of(shown, _event("[DONE]"))

    assert (read.data, read.error) == (shown, None)


@pytest.mark.asyncio
async def test_several_data_lines_and_comments() -> None:
    """What the standard allows is read as it says, and passes as it is."""
    event = b': ping\nid: 1\ndata: {"choices":[],\ndata: "usage":{"prompt_tokens":3}}\n\n'
    read = await stream_of(_event(FINISH), b": ping\n\n", event, _event("[DONE]"))

    assert read.data == _event(FINISH) + b": ping\n\n"
    assert read.events.usage == Usage(input_tokens=3)


@pytest.mark.asyncio
async def test_usage_that_makes_no_sense() -> None:
    """It is not counted, and not hidden either."""
    odd = _event('{"choices":[],"usage":{"prompt_tokens":"many"}}')
    read = await stream_of(_event(FINISH) + odd + _event("[DONE]"))

    assert read.data == _event(FINISH) + odd
    assert read.events.usage is None


@given(st.integers(0, 2_000), st.integers(0, 255), st.booleans())
@settings(max_examples=300)
def test_a_spoiled_byte(at: int, byte: int, pour: bool) -> None:  # noqa: FBT001
    """A byte that is not the provider's makes no crash; what passes is what came."""
    whole = bytearray(_stream(b"\n\n"))
    whole[at % len(whole)] = byte
    read = asyncio.run(read_stream(Upstream(pieces=[bytes(whole)]), pour=pour))

    assert read.error is None or isinstance(read.error, Broken)
    assert all(event in bytes(whole) for event in read.data.split(b"\n\n"))
    assert read.events.has_content(bytes(whole)) in {True, False}


@pytest.mark.asyncio
async def test_an_event_beyond_all_bounds() -> None:
    """An event that never ends is given up."""
    piece = b"x" * (1 << 20)
    read = await stream_of(_event(ROLE), b"data: ", *[piece] * (MAX_EVENT_BYTES // len(piece) + 1))

    assert isinstance(read.error, Broken)
    assert read.line.aborted


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "kind"),
    [(Silent(Wait.BETWEEN_TOKENS, 1.0), TimedOut), (Cut("reset", before_answer=False), Broken)],
)
async def test_a_transport_that_fails(error: TransportError, kind: type[GatewayError]) -> None:
    """What had arrived is handed over first."""
    read = await stream_of(_event(ROLE), _event(WORDS[0]), error=error)

    assert type(read.error) is kind
    assert read.data == _event(ROLE) + _event(WORDS[0])


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [b"application/json", b"text/html", None])
async def test_an_answer_that_is_no_stream(kind: bytes | None) -> None:
    """A 200 of another type is no stream, whatever its bytes look like."""
    headers = [] if kind is None else [(b"content-type", kind)]
    read = await read_stream(Upstream(pieces=[_stream(b"\n\n")], headers=headers))

    assert isinstance(read.error, Broken)
    assert read.data == b""
    assert read.error.detail == f"content-type: {(kind or b'no content type').decode()}"


@pytest.mark.asyncio
async def test_another_status() -> None:
    """A failure is read whole and classified by its status."""
    read = await read_stream(Upstream(pieces=[b'{"error":{"mess', b'age":"No."}}'], status=400))

    assert read.error is not None
    assert (type(read.error).__name__, read.error.message) == ("Refused", "No.")


CONTENT = {
    "role": (_event(ROLE), False),
    "words": (_event(ROLE) + _event(WORDS[0]), True),
    "finish": (_event(FINISH), True),
    "comment": (b": ping\n\n", False),
    "filter-preamble": (_event('{"choices":[],"prompt_filter_results":[]}'), False),
    "usage": (_event(USAGE), False),
    "tool-call": (_event(_delta('{"tool_calls":[{"index":0}]}')), True),
    "no-tool-calls": (_event(_delta('{"role":"assistant","tool_calls":[]}')), False),
    "reasoning": (_event(_delta('{"reasoning_content":"hm"}')), True),
    "no-delta": (_event('{"choices":[{"index":0}]}'), False),
    "garbage": (_event("{"), True),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("batch", "expected"), CONTENT.values(), ids=CONTENT)
async def test_what_is_content(batch: bytes, *, expected: bool) -> None:
    """A role, a preamble or a comment is no reason to give up the chance of another deployment."""
    read = await stream_of(_stream(b"\n\n"))

    assert read.events.has_content(batch) is expected
