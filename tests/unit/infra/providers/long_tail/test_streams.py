"""Chunks, counts and failures, of whatever the provider's parser makes."""

from types import SimpleNamespace
from typing import Any

import pytest

from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused, TimedOut, UpstreamError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.long_tail.counts import counted
from llmproxy.infra.providers.long_tail.deltas import Deltas, finish_of
from llmproxy.infra.providers.long_tail.failures import in_stream, long_tail_failure, words_of
from llmproxy.infra.providers.long_tail.readers import EventReader, LineReader
from llmproxy.infra.providers.translated.chat_answer import AnswerHead
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks


def chunks() -> ChatChunks:
    """What writes the events."""
    return ChatChunks(AnswerHead("chatcmpl-1", 1, "m"), include_usage=False)


def said(**fields: object) -> dict[str, Any]:
    """LiteLLM's general chunk."""
    return {"text": "", "tool_use": None, "is_finished": False, "finish_reason": ""} | fields


def tool(index: int, id_: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    """A piece of a tool call."""
    return {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}


def test_tool_calls_by_their_ids() -> None:
    """A repeated id goes on, another id at the same place is another call."""
    deltas = Deltas(chunks())
    made = deltas.take(said(tool_use=tool(0, "a", "f", "{")))
    made += deltas.take(said(tool_use=tool(0, "a", "f", "}")))
    made += deltas.take(said(tool_use=tool(0, "b", "g", "{}")))
    made += deltas.take(said(is_finished=True, finish_reason="TOOL_CALL"))
    assert made.count(b'"id":"a"') == 1
    assert made.count(b'"id":"b"') == 1
    assert b'"index":1,"id":"b"' in made


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    """JSON for no arguments is {}, not nothing."""
    deltas = Deltas(chunks())
    deltas.take(said(tool_use=tool(0, "a", "f", "")))
    made = deltas.take(said(is_finished=True, finish_reason="tool_calls"))
    assert b'"arguments":"{}"' in made


def test_a_call_that_never_began() -> None:
    """Arguments for nothing are no answer."""
    with pytest.raises(Broken, match="never began"):
        Deltas(chunks()).take(said(tool_use=tool(0, None, None, "{}")))


def test_choices() -> None:
    """LiteLLM's other chunk has choices with deltas; one without anything says nothing."""
    deltas = Deltas(chunks())
    delta = SimpleNamespace(content="It", tool_calls=None, reasoning_content="Hm.")
    choice = SimpleNamespace(index=0, delta=delta, finish_reason=None)
    made = deltas.take(SimpleNamespace(choices=[choice], usage=None))
    assert made.index(b"Hm.") < made.index(b"It")
    assert deltas.take(None) == b""


@pytest.mark.parametrize(
    ("word", "finish"),
    [("COMPLETE", "stop"), ("MAX_TOKENS", "length"), ("", None), (None, None), ("stop", "stop")],
)
def test_ends(word: str | None, finish: str | None) -> None:
    """Providers' words for an end are OpenAI's."""
    assert finish_of(word) == finish


def test_an_unknown_end_is_no_stop() -> None:
    """A reason that nobody knows is a failure."""
    with pytest.raises(Broken):
        finish_of("EXPLODED")


def test_counts_never_overlap() -> None:
    """Parts larger than their whole are cut; zeros are no report."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_creation_tokens": 9},
        "completion_tokens_details": SimpleNamespace(reasoning_tokens=7, audio_tokens=None),
    }
    assert counted(usage) == Usage(
        input_tokens=0, cache_read_tokens=8, cache_write_tokens=2, reasoning_tokens=5
    )
    assert counted({"prompt_tokens": 0, "completion_tokens": 0}) is None
    assert counted(None) is None


def test_lines() -> None:
    """A JSON object per line, cut anywhere; the last one may lack its end."""
    reader = LineReader(chunks(), lambda event: said(**event))
    made = b""
    text = b'{"text":"It"}\n{"text":" rains."}\n\n{"is_finished":true,"finish_reason":"stop"}'
    for at in range(len(text)):
        made += reader.feed(text[at : at + 1])
    made += reader.end()
    assert made.count(b'"content":"It"') == 1
    assert made.count(b'"content":" rains."') == 1
    assert b'"finish_reason":"stop"' in made


def test_usage_is_known_at_the_end() -> None:
    """What a provider counts up on the way is no usage of a stream that breaks off there."""
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    reader = EventReader(chunks(), lambda event: said(**event, usage=usage))
    reader.feed(b'data: {"text":"It"}\n\n')
    assert reader.usage is None
    reader.feed(b'data: {"is_finished":true,"finish_reason":"stop"}\n\n')
    reader.end()
    assert reader.usage == Usage(input_tokens=3, output_tokens=1)


def test_a_parser_that_fails() -> None:
    """Whatever LiteLLM raises is an answer that makes no sense, its words for the log only."""

    def parse(_event: dict[str, Any]) -> None:
        raise KeyError("choices")

    with pytest.raises(Broken) as raised:
        EventReader(chunks(), parse).feed(b'data: {"a":1}\n\n')
    assert "choices" not in raised.value.message
    assert "KeyError" in raised.value.detail


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message":"a"}', "a"),
        (b'{"error":"a"}', "a"),
        (b'{"error":{"message":"a","code":3}}', "a"),
        (b'[{"error":{"message":"a"}}]', "a"),
        (b'{"errors":[{"code":"x","message":"a"},{"message":"b"}]}', "a; b"),
        (b'{"detail":[{"loc":["body"],"msg":"a"}]}', "a"),
        (b'{"message":{"detail":[{"msg":"a"}]}}', "a"),
        (b"<html>", None),
        (b"{}", None),
        (b"[]", None),
    ],
)
def test_words_of_failures(body: bytes, words: str | None) -> None:
    """Whatever their shape, the words are found."""
    assert words_of(body) == words


@pytest.mark.parametrize("depth", [600, 900, 5000, 9000])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"message":', b"}")])
def test_words_that_are_nested_deeply(begin: bytes, end: bytes, depth: int) -> None:
    """Are none: Python follows fewer levels than msgspec reads."""
    body = b'{"error":%b"x"%b}' % (begin * depth, end * depth)
    assert words_of(body) is None
    assert long_tail_failure(500, (), body).code == "upstream_error"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, b'{"message":"bad"}', Refused, None),
        (422, b'{"message":"bad"}', Refused, None),
        (
            400,
            b'{"message":"Input is too long for requested model."}',
            Refused,
            "context_length_exceeded",
        ),
        (400, b'{"error":{"message":"API key not valid."}}', OwnFault, "upstream_credentials"),
        (400, b'{"message":"Invalid model: x"}', OwnFault, "upstream_misconfigured"),
        (401, b'{"message":"x"}', OwnFault, "upstream_credentials"),
        (404, b'{"message":"x"}', OwnFault, "upstream_misconfigured"),
        (429, b'{"message":"x"}', Busy, "rate_limit_exceeded"),
        (424, b'{"message":"x"}', Broken, "upstream_error"),
        (408, b"", TimedOut, "upstream_timeout"),
        (503, b"", Broken, "upstream_error"),
    ],
)
def test_failures(status: int, body: bytes, kind: type[UpstreamError], code: str | None) -> None:
    """The status decides; what the platform is to blame for does not repeat the words."""
    error = long_tail_failure(status, (), body)
    assert type(error) is kind
    assert error.code == code
    assert error.upstream_status == status
    if isinstance(error, Refused):
        assert set(error.error) == {"message", "type", "param", "code"}


def test_googles_delay() -> None:
    """A 429 of Google's says in its body how long to wait; a header says it with more right."""
    body = b'{"error":{"message":"x","details":[{"retryDelay":"27s"}]}}'
    for headers, seconds in (((), 27.0), (((b"Retry-After", b"7"),), 7.0)):
        error = long_tail_failure(429, headers, body)
        assert isinstance(error, Busy)
        assert error.retry_after_s == seconds


def test_failures_inside_streams() -> None:
    """A status in the event decides; without one it is a broken answer with its words."""
    assert isinstance(in_stream(None, b'{"error":{"code":429,"message":"x"}}'), Busy)
    assert isinstance(in_stream(None, b'{"errors":[{"message":"x"}],"status_code":500}'), Broken)
    broken = in_stream(None, b'{"error":{"code":"overloaded","message":"too much"}}')
    assert isinstance(broken, Broken)
    assert broken.message == "too much"
