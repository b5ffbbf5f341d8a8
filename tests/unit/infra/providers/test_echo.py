"""The model that needs no account: it says what it was told, and counts words."""

import base64
import json
import struct
from typing import Any

import pytest

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import OperationNotSupported, Refused
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.echo.embeddings import DIMENSIONS, MAX_DIMENSIONS
from llmproxy.infra.providers.echo.model import Echo
from llmproxy.infra.providers.echo.words import MAX_CONTEXT_CHARS
from llmproxy.infra.wire.json_object import JsonObject
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import call

pytestmark = pytest.mark.asyncio


def _call(*messages: object, max_output_tokens: int | None = None, **fields: object) -> Call:
    body = JsonObject(json.dumps({"model": "echo", "messages": messages, **fields}).encode())
    return call(FakeClock(), model="echo", body=body, max_output_tokens=max_output_tokens)


def _user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


async def _streamed(asked: Call) -> list[Any]:
    events = await Echo().stream(asked)
    chunks = []
    while (batch := await events.next()) is not None:
        assert batch.startswith(b"data: ")
        assert batch.endswith(b"\n\n")
        assert events.has_content(batch)
        chunks.append(json.loads(batch[6:]))
    return chunks


@pytest.mark.parametrize(
    "text", ["hello", "two words", " spaces \n kept\t", "Ol\u00e1 \u4e16\u754c", "x" * 1000]
)
async def test_it_repeats_the_last_message(text: str) -> None:
    """To the letter, plain and word by word, with the same usage."""
    asked = _call(_user("first"), _user(text))
    reply = await Echo().answer(asked)
    answer = json.loads(reply.body)
    chunks = await _streamed(asked)

    assert answer["choices"][0]["message"]["content"] == text
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == text
    assert reply.usage is not None
    assert answer["usage"]["prompt_tokens"] == reply.usage.input_tokens == 1 + len(text.split())
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_parts_and_silence() -> None:
    """Text parts are joined, other parts passed over; without text it says what it does."""
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    joined = json.loads((await Echo().answer(_call(_user(parts)))).body)
    assert joined["choices"][0]["message"]["content"] == "a\nb"
    for nothing in ("", "  ", None, []):
        answer = json.loads((await Echo().answer(_call(_user(nothing)))).body)
        assert "repeats the text" in answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(("limit", "said", "reason"), [(2, "a b", "length"), (3, "a b c", "stop")])
async def test_the_bound_of_the_output(limit: int, said: str, reason: str) -> None:
    """A word is a token; an answer that is cut says so."""
    reply = await Echo().answer(_call(_user("a b c"), max_output_tokens=limit))
    choice = json.loads(reply.body)["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == (said, reason)
    assert reply.usage == Usage(input_tokens=3, output_tokens=limit)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": False}, False),
        ({"include_usage": True}, True),
    ],
)
async def test_usage_in_a_stream(options: object, *, asked: bool) -> None:
    """Who asked gets one more event with it, and null before; who did not gets neither."""
    chunks = await _streamed(_call(_user("a b"), stream_options=options))

    assert ("usage" in chunks[0]) is asked
    if asked:
        assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
        assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 4)


@pytest.mark.parametrize("part", [1, None, "x", []])
async def test_parts_that_are_none(part: object) -> None:
    """They are refused as a provider would, plain and streamed."""
    with pytest.raises(Refused) as plain:
        await Echo().answer(_call(_user([part])))
    with pytest.raises(Refused):
        await Echo().stream(_call(_user([part])))

    assert (plain.value.upstream_status, plain.value.param) == (400, "messages")


async def test_a_context_that_is_too_long() -> None:
    """More text than it takes is refused in OpenAI's word for it."""
    text = "x" * (MAX_CONTEXT_CHARS // 2)
    await Echo().answer(_call(_user(text), _user(text)))
    with pytest.raises(Refused) as refused:
        await Echo().answer(_call(_user(text), _user(text + "x")))

    assert refused.value.code == "context_length_exceeded"


async def test_closing() -> None:
    """A stream that nobody waits for ends."""
    events = await Echo().stream(_call(_user("a b c")))
    await events.next()
    events.pulse_every(1.0)
    events.close()

    assert await events.next() is None


def _asked(endpoint: Endpoint, max_output_tokens: int | None = None, **fields: object) -> Call:
    body = JsonObject(json.dumps({"model": "echo", **fields}).encode())
    return call(
        FakeClock(),
        model="echo",
        body=body,
        endpoint=endpoint,
        max_output_tokens=max_output_tokens,
    )


async def test_embeddings() -> None:
    """Equal texts have equal vectors of length 1, and both encodings are the same numbers."""
    asked = _asked(Endpoint.EMBEDDINGS, input=["a b", "c", "a b"])
    reply = await Echo().answer(asked)
    answer = json.loads(reply.body)
    packed = await Echo().answer(
        _asked(Endpoint.EMBEDDINGS, input="a b", encoding_format="base64", dimensions=DIMENSIONS)
    )
    tokens = await Echo().answer(_asked(Endpoint.EMBEDDINGS, input=[[1, 2], [3]], dimensions=4))
    first, second, third = (each["embedding"] for each in answer["data"])
    [said] = json.loads(packed.body)["data"]

    assert first == third != second
    assert len(first) == DIMENSIONS
    assert sum(number * number for number in first) == pytest.approx(1, abs=1e-6)
    assert list(struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(said["embedding"]))) == first
    assert answer["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
    assert reply.usage == Usage(input_tokens=5)
    assert tokens.usage == Usage(input_tokens=3)
    assert [len(each["embedding"]) for each in json.loads(tokens.body)["data"]] == [4, 4]


async def test_completions() -> None:
    """Each prompt comes back `n` times, plain and streamed alike."""
    asked = _asked(Endpoint.COMPLETIONS, 2, prompt=["a b c", "d"], n=2)
    reply = await Echo().answer(asked)
    choices = json.loads(reply.body)["choices"]
    said = dict.fromkeys(range(4), "")
    for chunk in await _streamed(asked):
        for choice in chunk["choices"]:
            said[choice["index"]] += choice["text"]

    assert [choice["text"] for choice in choices] == ["a b", "a b", "d", "d"]
    assert [choice["finish_reason"] for choice in choices] == ["length", "length", "stop", "stop"]
    assert list(said.values()) == [choice["text"] for choice in choices]
    assert reply.usage == Usage(input_tokens=4, output_tokens=6)
    nothing = await Echo().answer(_asked(Endpoint.COMPLETIONS, prompt=None))
    assert json.loads(nothing.body)["choices"][0]["text"] == "<|endoftext|>"
    counted = await _streamed(
        _asked(Endpoint.COMPLETIONS, prompt=[1, 2], stream_options={"include_usage": True})
    )
    assert counted[-1]["usage"]["total_tokens"] == 4


@pytest.mark.parametrize(
    ("given", "verdicts"),
    [("a", 1), (["a", "b"], 2), ([{"type": "text", "text": "a"}, {"type": "image_url"}], 1)],
)
async def test_moderations(given: object, verdicts: int) -> None:
    """Nothing is flagged: a verdict per text, or one for all parts."""
    reply = await Echo().answer(_asked(Endpoint.MODERATIONS, input=given))
    results = json.loads(reply.body)["results"]

    assert [each["flagged"] for each in results] == [False] * verdicts
    assert not any(results[0]["categories"].values())


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        (Endpoint.MODERATIONS, {"input": [1]}),
        (Endpoint.MODERATIONS, {"input": "x" * (MAX_CONTEXT_CHARS + 1)}),
        (Endpoint.EMBEDDINGS, {"input": "x", "dimensions": MAX_DIMENSIONS + 1}),
        (Endpoint.EMBEDDINGS, {"input": ["x" * 1000] * 1001}),
        (Endpoint.COMPLETIONS, {"prompt": "x" * 10_000, "n": 128}),
        (Endpoint.COMPLETIONS, {"prompt": {}}),
    ],
)
async def test_refusals_beside_chat(endpoint: Endpoint, fields: dict[str, object]) -> None:
    """What it cannot take is a 400 that names the field."""
    with pytest.raises(Refused) as refused:
        await Echo().answer(_asked(endpoint, **fields))
    assert refused.value.param in fields


async def test_what_echo_does_not_offer() -> None:
    """It draws nothing."""
    with pytest.raises(OperationNotSupported):
        await Echo().answer(_asked(Endpoint.IMAGES_GENERATIONS, prompt="x"))
    with pytest.raises(OperationNotSupported):
        await Echo().stream(_asked(Endpoint.IMAGES_GENERATIONS, prompt="x"))
