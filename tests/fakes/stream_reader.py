"""Reads a provider's stream that arrives in the pieces of a test."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmproxy.domain.errors import GatewayError
from llmproxy.infra.providers.openai_wire.chat_events import ChatEvents
from llmproxy.infra.providers.openai_wire.incoming import Again, Incoming
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.providers.transport.target import Patience
from tests.fakes.line import FakeLine

PATIENCE = Patience(1.0, 1.0, 1.0, None)
EVENTS = ((b"Content-Type", b"text/event-stream"), (b"X-Request-Id", b"u1"), (b"Set-Cookie", b"a"))


@dataclass
class Read:
    """What came out of a stream."""

    events: Incoming
    line: FakeLine
    data: bytes = b""
    error: GatewayError | None = None


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """What arrives: the pieces one by one, then the end or an error."""

    pieces: Sequence[bytes]
    error: TransportError | None = None
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = EVENTS

    async def arrive(self, exchange: Exchange) -> None:
        """Let it arrive, piece by piece."""
        lines = [b"%b: %b" % header for header in self.headers]
        exchange.head = b"\r\n".join([b"HTTP/1.1 200 OK", *lines])
        exchange.begin(self.status)
        for piece in self.pieces:
            exchange.feed(piece)
            exchange.flush()
            await asyncio.sleep(0)
        if self.error is None:
            exchange.finish()
        else:
            exchange.fail(self.error)


async def _again(_: Exchange) -> Exchange:
    raise AssertionError("only a stale connection is replaced")


async def read_stream(upstream: Upstream, *, hide_usage: bool = True, pour: bool = False) -> Read:
    """Read a stream of OpenAI's to its end, as the counter reads it."""
    return await read_events(
        upstream, lambda exchange, again: ChatEvents(exchange, again, hide_usage=hide_usage), pour
    )


async def read_events(
    upstream: Upstream,
    make: Callable[[Exchange, Again], Incoming],
    pour: bool,  # noqa: FBT001
    declines: Callable[[], bool] = lambda: False,
) -> Read:
    """Read a stream to its end; the sink takes no events while it `declines`."""
    line = FakeLine()
    loop = asyncio.get_running_loop()
    exchange = Exchange(loop, line, PATIENCE, 1 << 28, streaming=True, began_at=loop.time())
    read = Read(make(exchange, _again), line)
    speaks = False
    arriving = asyncio.create_task(upstream.arrive(exchange))

    def sink(data: bytes) -> bool:
        assert data.endswith((b"\n\n", b"\r\n\r\n")), "an event was cut"
        if declines():
            return False
        read.data += data
        return True

    try:
        while (batch := await read.events.next()) is not None:
            read.data += batch
            speaks = speaks or read.events.has_content(batch)
            if pour:
                await read.events.pour(sink)
    except GatewayError as caught:
        read.error = caught
    await arriving
    return read


async def stream_of(*pieces: bytes, error: TransportError | None = None) -> Read:
    """Read a stream of these pieces."""
    return await read_stream(Upstream(pieces=pieces, error=error))
