"""Streamed images: events of megabytes, in whatever pieces they arrive."""

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, GatewayError
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.typed_events import TypedEvents
from llmproxy.infra.providers.transport.exchange import Exchange
from tests.fakes.line import FakeLine
from tests.fakes.stream_reader import PATIENCE, Upstream

PARTIAL = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "eA=="}
COMPLETED = {
    "type": "image_generation.completed",
    "b64_json": "ZXJyb3I=",
    "usage": {"input_tokens": 3, "output_tokens": 1156, "total_tokens": 1159},
}
COUNTED = Usage(input_tokens=3, image_output_tokens=1156, images=1)
PIECE_BYTES = 64 * 1024


def _stream(*events: dict[str, object], end: bytes = b"\n") -> bytes:
    lines = [
        b"event: %b%bdata: %b%b%b"
        % (str(event["type"]).encode(), end, json.dumps(event).encode(), end, end)
        for event in events
    ]
    return b"".join(lines)


async def _again(_: Exchange) -> Exchange:
    raise AssertionError("only a stale connection is replaced")


async def _read(pieces: Sequence[bytes]) -> tuple[bytes, TypedEvents, GatewayError | None]:
    """Read a stream that arrives in these pieces to its end."""
    loop = asyncio.get_running_loop()
    exchange = Exchange(loop, FakeLine(), PATIENCE, 1 << 28, streaming=True, began_at=loop.time())
    events = TypedEvents(exchange, _again, Endpoint.IMAGES_GENERATIONS)
    arriving = asyncio.create_task(Upstream(pieces=pieces).arrive(exchange))
    data, error = b"", None
    try:
        while (batch := await events.next()) is not None:
            data += batch
    except GatewayError as caught:
        error = caught
    await arriving
    return data, events, error


@given(st.lists(st.integers(0, 600), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_any_cuts(places: list[int], end: bytes) -> None:
    """The bytes and the usage are the same, with either line end."""
    whole = _stream(PARTIAL, PARTIAL, COMPLETED, end=end)
    marks = sorted({0, len(whole), *(min(place, len(whole)) for place in places)})
    pieces = [whole[start:stop] for start, stop in pairwise(marks)]
    data, events, error = asyncio.run(_read(pieces))

    assert (data, error) == (whole, None)
    assert events.usage == COUNTED


@pytest.mark.asyncio
async def test_several_images() -> None:
    """Each says its own usage; together they are the call's."""
    _, events, error = await _read([_stream(COMPLETED, COMPLETED)])

    assert error is None
    assert events.usage == COUNTED.plus(COUNTED)


@pytest.mark.asyncio
async def test_a_large_image() -> None:
    """Its pieces are put together once: reading costs what its size costs, not the square."""
    large = COMPLETED | {"b64_json": "A" * (24 << 20)}
    whole = _stream(PARTIAL, large)
    pieces = [whole[at : at + PIECE_BYTES] for at in range(0, len(whole), PIECE_BYTES)]
    began = time.process_time()
    data, events, error = await _read(pieces)

    assert error is None
    assert data == whole
    assert events.usage == COUNTED
    assert time.process_time() - began < 10


@pytest.mark.asyncio
async def test_without_the_last_event() -> None:
    """Partial images alone are no answer."""
    data, events, error = await _read([_stream(PARTIAL)])

    assert data == _stream(PARTIAL)
    assert isinstance(error, Broken)
    assert events.usage is None
