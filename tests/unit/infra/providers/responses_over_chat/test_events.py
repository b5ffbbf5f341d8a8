"""Events of a response while a chat streams: held, poured, broken off, given up."""

import asyncio

import pytest

from llmproxy.application.interfaces.upstream import Events
from llmproxy.domain.errors import Broken, Busy, InvalidRequest
from tests.fakes.upstream import USAGE, Batch, FakeEvents
from tests.unit.infra.providers.responses_over_chat.chatting import (
    Chatting,
    Json,
    chunk,
    event,
    events_in,
    read,
)

ROLE = chunk(role="assistant", content="")
END = chunk("stop")


def _types(data: bytes) -> list[str]:
    return [each["type"].removeprefix("response.") for each in events_in(data)]


def _next(events: Events) -> bytes:
    batch = asyncio.run(events.next())
    assert batch is not None
    return batch


def test_the_preamble_is_no_content() -> None:
    """So that a failure behind it can still move to another deployment."""
    events = Chatting().streamed([b": hello\n\n", b"", ROLE, chunk(content="a")])
    assert _next(events) == b""
    preamble = _next(events)
    assert _types(preamble) == ["created", "in_progress"]
    assert not events.has_content(preamble)
    said = _next(events)
    assert _types(said) == ["output_item.added", "content_part.added", "output_text.delta"]
    assert events.has_content(said)
    assert events.passed == 5


def test_headers_and_usage_are_the_chats() -> None:
    """The fields in the lists have the client's names; what the client wanted kept is told."""
    chatting = Chatting()
    request = {"model": "mini", "input": "x", "stream": True, "store": True}
    events = chatting.streamed([ROLE, chunk(content="a"), END, None], request)
    chat = chatting.chat
    asyncio.run(events.next())
    assert events.headers == [
        b"x-llmproxy-upstream-request-id: u1",
        b"x-llmproxy-dropped: store",
    ]
    whole = events_in(asyncio.run(read(events)))[-1]["response"]
    assert events.usage == USAGE
    assert whole["usage"]["input_tokens"] == 10
    assert events.output_bytes == sum(map(len, (ROLE, chunk(content="a"), END)))
    assert chat.calls[-1].body.value("stream_options") == b'{"include_usage":true}'
    assert asyncio.run(events.next()) is None


def test_lists_of_fields_in_the_clients_words() -> None:
    """What the translation itself asked for is not told; the rest has the client's names."""
    chatting = Chatting()
    inner = FakeEvents([ROLE], None)
    inner.headers = [
        b"x-llmproxy-changed: model, stream_options, max_tokens",
        b"x-llmproxy-dropped: user, response_format",
        b"x-llmproxy-changed: stream_options",
    ]
    chatting.chat.streams.append(inner)
    call = chatting.call({"model": "mini", "input": "x", "store": True})
    events = asyncio.run(chatting.over.stream(call))
    asyncio.run(events.next())
    assert events.headers == [
        b"x-llmproxy-changed: model, max_output_tokens",
        b"x-llmproxy-dropped: user, text.format, store",
    ]


def test_several_events_at_once_and_the_other_line_ends() -> None:
    """Whatever arrives together leaves together."""
    batch = (chunk(content="a") + chunk(content="b")).replace(b"\n", b"\r\n")
    events = Chatting().streamed([batch])
    assert _types(_next(events))[-2:] == ["output_text.delta", "output_text.delta"]


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_poured(taken: int) -> None:
    """A sink that declines gets nothing twice, and nothing is lost."""
    pieces = [chunk(content=letter) for letter in "abcde"]
    events = Chatting().streamed([ROLE, *pieces, END, None])
    got: list[bytes] = []

    def sink(data: bytes) -> bool:
        if len(got) == taken + 1:
            return False
        got.append(data)
        return True

    async def main() -> bytes:
        await events.pour(sink)
        assert got == []
        first = await events.next()
        got.append(first or b"")
        await events.pour(sink)
        assert len(got) == taken + 1
        return b"".join(got) + await read(events)

    said = events_in(asyncio.run(main()))
    assert [each["sequence_number"] for each in said] == list(range(len(said)))
    deltas = [each["delta"] for each in said if each["type"].endswith("text.delta")]
    assert deltas == list("abcde")


def test_nonsense_while_pouring_is_raised_by_next() -> None:
    """After what was right before it; then the provider is given up."""
    chatting = Chatting()
    bad = chunk(content="b") + b'data: {"choices": 1}\n\n'
    events = chatting.streamed([ROLE, chunk(content="a"), bad, END, None])
    inner = chatting.chat

    async def main() -> None:
        await events.next()
        await events.pour(lambda _: True)
        rest = await events.next()
        assert [each["delta"] for each in events_in(rest or b"")] == ["b"]
        passed = events.passed
        await events.pour(lambda _: True)
        with pytest.raises(Broken):
            await events.next()
        assert events.passed == passed

    asyncio.run(main())
    assert inner.streams == []


@pytest.mark.parametrize(
    "batches",
    [
        [b"data: nonsense\n\n"],
        [ROLE, None],
        [chunk(content="a"), None],
        [chunk(tool_calls=[{"index": 0, "function": {"arguments": "{"}}])],
        [
            chunk(
                tool_calls=[{"index": n, "id": f"c{n}", "function": {"name": "f"}} for n in (0, 1)]
            ),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
        ],
    ],
)
def test_what_is_no_answer_is_the_providers_failure(batches: list[Batch]) -> None:
    """No end, or what cannot be: nothing is invented, and the connection is closed."""
    chatting = Chatting()
    inner = FakeEvents([*batches], USAGE)
    chatting.chat.streams.append(inner)
    events = asyncio.run(chatting.over.stream(chatting.call({"model": "mini", "input": "x"})))
    with pytest.raises(Broken):
        asyncio.run(read(events))
    assert inner.closed


def test_the_chats_failures_pass() -> None:
    """Before content and behind it, in the client's words."""
    busy = Busy("Later.")
    with pytest.raises(Busy):
        asyncio.run(read(Chatting().streamed([busy])))
    wrong = InvalidRequest("Invalid 'max_tokens': no.", param="max_tokens")
    with pytest.raises(InvalidRequest, match="'max_output_tokens'") as refused:
        asyncio.run(read(Chatting().streamed([chunk(content="a"), wrong])))
    assert refused.value.param == "max_output_tokens"


def test_given_up() -> None:
    """The chat is given up, and told how long a silence may be."""
    chatting = Chatting()
    inner = FakeEvents([], None)
    chatting.chat.streams.append(inner)
    events = asyncio.run(chatting.over.stream(chatting.call({"model": "mini", "input": "x"})))
    events.pulse_every(2.0)
    events.close()
    assert (inner.pulse_s, inner.closed) == (2.0, True)


def test_an_empty_answer_is_an_empty_text() -> None:
    """A model that stops at once has said nothing, which is an answer."""
    said = asyncio.run(read(Chatting().streamed([ROLE, END, None])))
    [item] = events_in(said)[-1]["response"]["output"]
    assert item["content"][0]["text"] == ""
    assert _types(said)[-1] == "completed"


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("length", "max_output_tokens"),
        ("content_filter", "content_filter"),
        ("insufficient_system_resource", "insufficient_system_resource"),
    ],
)
def test_a_cut_answer_says_why(finish: str, reason: str) -> None:
    """In OpenAI's words, or the provider's where OpenAI has none; the last item is incomplete."""
    said = asyncio.run(read(Chatting().streamed([chunk(content="a"), chunk(finish), None])))
    last = events_in(said)[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert last["response"]["completed_at"] is None
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_blocks_in_pieces_and_late_ones() -> None:
    """Pieces make one block; what is signed behind the answer stands behind it."""
    pieces: list[Json] = [{"thinking": "H", "index": 0}, {"thinking": "m"}, {"signature": "c2ln"}]
    thinking = [chunk(thinking_blocks=[{"type": "thinking", **each}]) for each in pieces]
    late = chunk(thinking_blocks=[{"type": "redacted_thinking", "data": "eA=="}])
    chatting = Chatting()
    said = asyncio.run(read(chatting.streamed([*thinking, chunk(content="a"), late, END, None])))
    output = events_in(said)[-1]["response"]["output"]
    assert [each["type"] for each in output] == ["reasoning", "message", "reasoning"]

    chatting.streamed([], {"model": "mini", "input": [{"role": "user", "content": "x"}, *output]})
    assert chatting.asked["messages"][1]["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
    ]


def test_a_signature_behind_the_arguments() -> None:
    """It stands on the call that is done."""
    signature = {"google": {"thought_signature": "Zw=="}}
    batches = [
        chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{}"}}]),
        chunk(tool_calls=[{"index": 0, "extra_content": signature}]),
        chunk("tool_calls"),
        None,
    ]
    said = events_in(asyncio.run(read(Chatting().streamed(batches))))
    [call] = said[-1]["response"]["output"]
    assert call["extra_content"] == signature
    assert call["call_id"].startswith("call_")


def test_sources_while_streaming() -> None:
    """An event of its own each, and at the part that is done."""
    source = {"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}
    batches = [chunk(content="a"), chunk(annotations=[source, {"type": "other"}]), END, None]
    said = events_in(asyncio.run(read(Chatting().streamed(batches))))
    added = [each for each in said if each["type"].endswith("annotation.added")]
    assert [each["annotation_index"] for each in added] == [0, 1]
    [part] = said[-1]["response"]["output"][0]["content"]
    assert part["annotations"] == [each["annotation"] for each in added]
    assert part["annotations"][0] == {"type": "url_citation", "url": "u", "title": "t"}


def test_what_the_response_says_of_the_chat() -> None:
    """Its model and tier; probabilities of tokens beside their deltas."""
    logprobs = {"content": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]}
    first = {
        "model": "deep",
        "service_tier": "flex",
        "choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}],
    }
    said = events_in(asyncio.run(read(Chatting().streamed([event(first), END, None]))))
    assert said[0]["response"]["model"] == said[-1]["response"]["model"] == "deep"
    assert said[-1]["response"]["service_tier"] == "flex"
    assert said[4]["logprobs"] == logprobs["content"]
    assert said[-1]["response"]["output"][0]["content"][0]["logprobs"] == logprobs["content"]
