"""Requests, answers, streams and errors of six providers, compared with recorded ones.

When another version of LiteLLM is tried, this shows what it changes.
"""

import random

import pytest

from llmproxy.domain.errors import GatewayError, UpstreamError
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.translated.translation import Reader
from tests.long_tail.pairs import (
    asking,
    named,
    one,
    recorded,
    settled,
    settled_events,
    shown,
    told,
    translation,
    wire,
)

pytestmark = [
    pytest.mark.asyncio,
    # pydantic's warnings about LiteLLM's types
    pytest.mark.filterwarnings("ignore:Item 'index' on TypedDict:UserWarning"),
]


@pytest.mark.parametrize(("provider", "name"), named("requests"))
async def test_requests(long_tail: LongTail, provider: str, name: str) -> None:
    """A request is said to the provider as it is recorded, or refused so."""
    pair = one(provider, "requests", name)
    chat = translation(long_tail, recorded(provider)["document"] | pair.get("document", {}))
    if "error" in pair:
        with pytest.raises(GatewayError) as raised:
            await chat.request(asking(pair["openai"]))
        assert told(raised.value) == pair["error"]
    else:
        assert shown(await chat.request(asking(pair["openai"]))) == pair["sent"]


@pytest.mark.parametrize(("provider", "name"), named("answers"))
async def test_answers(long_tail: LongTail, provider: str, name: str) -> None:
    """An answer comes in OpenAI's words as it is recorded."""
    pair = one(provider, "answers", name)
    chat = translation(long_tail, recorded(provider)["document"])
    asked = asking(pair["asked"])
    sent = await chat.request(asked)
    if "error" in pair:
        with pytest.raises(UpstreamError) as raised:
            await chat.answer(asked, sent, pair["upstream"].encode())
        assert told(raised.value) == pair["error"]
    else:
        answer = await chat.answer(asked, sent, pair["upstream"].encode())
        assert settled(answer.body) == pair["openai"]
        assert (None if answer.usage is None else answer.usage._asdict()) == pair["usage"]


@pytest.mark.parametrize(
    ("provider", "name"),
    [(provider, name) for provider, name in named("answers") if name in {"plain", "tools"}],
)
async def test_whole_answers_as_streams(long_tail: LongTail, provider: str, name: str) -> None:
    """Where a provider cannot stream, its whole answer comes as a stream that says the same."""
    pair = one(provider, "answers", name)
    chat = translation(long_tail, recorded(provider)["document"])
    asked = asking(pair["asked"] | {"stream": True, "stream_options": {"include_usage": True}})
    answer = await chat.answer(asked, await chat.request(asked), pair["upstream"].encode())
    assert answer.content_type == b"text/event-stream"
    *chunks, last = settled_events(answer.body)
    assert last["usage"] == pair["openai"]["usage"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    (said,) = pair["openai"]["choices"]
    text = "".join(delta.get("content") or "" for delta in deltas)
    assert text == (said["message"]["content"] or "")
    pieces = [piece for delta in deltas for piece in delta.get("tool_calls", ())]
    called = "".join(piece["function"]["arguments"] for piece in pieces)
    wanted = said["message"].get("tool_calls", ())
    assert called == "".join(each["function"]["arguments"] for each in wanted)
    assert [piece["id"] for piece in pieces if "id" in piece] == [each["id"] for each in wanted]
    assert chunks[-1]["choices"][0]["finish_reason"] == said["finish_reason"]


@pytest.mark.parametrize("pieces", ["whole", "bytes", "random"])
@pytest.mark.parametrize(("provider", "name"), named("streams"))
async def test_streams(long_tail: LongTail, provider: str, name: str, pieces: str) -> None:
    """A stream comes as recorded, however its bytes are cut on the way."""
    pair = one(provider, "streams", name)
    chat = translation(long_tail, recorded(provider)["document"])
    asked = asking(pair["asked"])
    reader = chat.reader(asked, await chat.request(asked))
    assert reader is not None
    assert reader.content_type.decode() in pair["content_type"]
    made: list[bytes] = []
    if "error" in pair:
        with pytest.raises(UpstreamError) as raised:
            drain(reader, cut(wire(pair["upstream"]), pieces), made)
        assert told(raised.value) == pair["error"]
    else:
        drain(reader, cut(wire(pair["upstream"]), pieces), made)
        assert reader.usage is not None
        assert reader.usage._asdict() == pair["usage"]
    assert settled_events(b"".join(made)) == pair["openai"]


def drain(reader: Reader, pieces: list[bytes], made: list[bytes]) -> None:
    """Give all pieces to the reader and gather its events."""
    for data in pieces:
        made.append(reader.feed(data))
        if reader.failure is not None:
            raise reader.failure
        if reader.done:
            break
    made.append(reader.end())


def cut(data: bytes, pieces: str) -> list[bytes]:
    """Bytes in pieces."""
    if pieces == "whole":
        return [data]
    if pieces == "bytes":
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(random.Random(7).sample(range(len(data)), 9))  # noqa: S311 - a test's cuts
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@pytest.mark.parametrize(("provider", "name"), named("errors"))
async def test_errors(long_tail: LongTail, provider: str, name: str) -> None:
    """A refusal becomes the gateway's error; what is the platform's fault hides the words."""
    pair = one(provider, "errors", name)
    chat = translation(long_tail, recorded(provider)["document"])
    headers = [(key.encode(), value.encode()) for key, value in pair.get("headers", {}).items()]
    error = chat.failure(pair["status"], headers, pair["upstream"].encode())
    assert told(error) == pair["error"]
    assert error.upstream_status == pair["status"]
