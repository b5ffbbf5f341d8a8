"""One request on its way and the answer that arrives for it."""

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from llmproxy.infra.providers.transport.errors import Cut, Garbled, Silent, TransportError, Wait
from llmproxy.infra.providers.transport.pings import PINGS, only_pings
from llmproxy.infra.providers.transport.target import NEVER, Patience

HIGH_WATER_BYTES = 256 * 1024
HEADER = re.compile(rb"\n([^:\r\n]+):[ \t]*([^\r\n]*)")
Sink = Callable[[bytes], bool]


class Line(Protocol):
    """The connection an exchange runs on, as far as the exchange needs it."""

    def pause(self) -> None:
        """Stop reading from the provider."""

    def resume(self) -> None:
        """Read again."""

    def abort(self) -> None:
        """Close the connection at once."""


class Exchange:
    """Filled by the connection, emptied by whoever awaits `answered`, `whole` or `next`.

    `heard_at` is when bytes last came from the provider, `alive_at` when they last were a sign of
    life. Before the first content nothing that it sends is one: `limit_s` runs from the request on.
    After it everything is but pings. A silence of `limit_s` ends the exchange, one of `pulse_s`
    wakes a waiting reader with nothing, so that it can keep its own client company. Both are
    checked by one timer of the client for all exchanges.
    """

    # What an exchange begins with; kept on the class, because setting it all costs more.
    _paused = False
    _pulse = False
    _pulsed_at = 0.0
    _size = 0
    _sink: Sink | None = None
    _waiter: asyncio.Future[None] | None = None
    complete = False
    ends_at = NEVER
    error: TransportError | None = None
    head = b""
    pings: tuple[bytes, ...] = PINGS
    pulse_s = NEVER
    seen = False
    spoke = False
    status = 0

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        line: Line,
        patience: Patience,
        max_bytes: int,
        *,
        streaming: bool,
        began_at: float,
    ) -> None:
        """`began_at` is when the call for it came, in the loop's time; connecting counts."""
        self._loop = loop
        self._chunks: list[bytes] = []
        self.line = line
        self.patience = patience
        self.max_bytes = max_bytes
        self.streaming = streaming
        self.began_at = self.heard_at = self.alive_at = began_at
        self.limit_s = patience.first_token_s
        if patience.total_s is not None:
            self.ends_at = began_at + patience.total_s

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The answer's headers, names in lower case."""
        return [(name.lower(), value.rstrip()) for name, value in HEADER.findall(self.head)]

    def begin(self, status: int) -> None:
        """Take the status; `head` is complete."""
        self.status = status
        if self.streaming:
            self.wake()

    def content_began(self) -> None:
        """Take what was heard last as the first content: from now on each silence has its limit.

        A streaming exchange is told so by its reader; an answer in one piece tells it by itself.
        """
        if not self.spoke:
            self.spoke = True
            self.alive_at = self.heard_at
            if not self._paused:
                self.limit_s = self.patience.between_tokens_s

    def feed(self, data: bytes) -> None:
        """Take a piece of the answer's body.

        Pings are no sign of life, nor are the blank lines that some send before an answer in one
        piece, while they work on it (DeepSeek's API documentation, Rate Limit).
        """
        self._chunks.append(data)
        if not self.streaming:
            if self.spoke or not data.isspace():
                self.content_began()
                self.alive_at = self.heard_at
        elif self.spoke and not (data.startswith(self.pings) and only_pings(data)):
            self.alive_at = self.heard_at
        if self._sink is None:
            self._grow(len(data))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self.max_bytes:
            self.fail(Garbled(f"an answer of more than {self.max_bytes} bytes"))
        elif self.streaming:
            if self._size > HIGH_WATER_BYTES and not self._paused:
                self._paused = True
                if self.spoke:
                    self.limit_s = NEVER
                self.line.pause()
            self.wake()

    def flush(self) -> bool:
        """Give what has just arrived to the sink and return True, or leave it to the reader."""
        sink = self._sink
        if sink is None or self.complete or not self._chunks:
            return False
        chunks = self._chunks
        if sink(chunks[0] if len(chunks) == 1 else b"".join(chunks)):
            self._chunks = []
            return True
        self._sink = None
        self._size = sum(map(len, chunks))
        self.wake()
        return False

    async def pour(self, sink: Sink) -> None:
        """Give what arrives to `sink` in the very call that received it, until `next` is needed.

        That is for a piece which the sink declines by returning False, the end, an error, a pulse.
        """
        if self._chunks or self.complete or self.error or self._pulse or self._paused:
            return
        self._sink = sink
        try:
            await self._wait()
        finally:
            self._sink = None

    def finish(self) -> None:
        """Note that the answer is complete."""
        self.complete = True
        self.wake()

    def fail(self, error: TransportError) -> None:
        """End the exchange with an error; what had arrived is still handed over first."""
        if not self.complete and self.error is None:
            self.error = error
            self.line.abort()
            self.wake()

    def wake(self) -> None:
        """Let the waiting reader look again."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def check(self, now: float) -> None:
        """Apply the limits on silence and total time; called a few times a second.

        Both are added up alike: where they are equal, rounding must not say which one it was.
        """
        if now >= self.alive_at + self.limit_s:
            self._fall_silent(Wait.BETWEEN_TOKENS if self.spoke else Wait.FIRST_TOKEN, self.limit_s)
        elif now >= self.ends_at:
            self._fall_silent(Wait.TOTAL, self.patience.total_s or 0.0)
        elif now - max(self.heard_at, self._pulsed_at) >= self.pulse_s:
            self._pulsed_at = now
            self._pulse = True
            self.wake()

    def _fall_silent(self, what: Wait, limit_s: float) -> None:
        self.fail(Silent(what, limit_s, by_client=what in self.patience.of_client))

    def pulse_every(self, seconds: float) -> None:
        """From now on wake a reader of `next` that has waited this long."""
        self.pulse_s = seconds

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise

    async def answered(self) -> bool:
        """Wait for status and headers; False after a silent pulse. Raises TransportError."""
        if not self.status and self.error is None:
            await self._wait()
        if self.error is not None and not self.status:
            raise self.error
        return bool(self.status)

    async def whole(self) -> bytes:
        """Wait for the complete answer and return its body. Raises TransportError."""
        self.streaming = False
        self._read_on()
        while not self.complete and self.error is None:
            await self._wait()
        if self.error is not None:
            raise self.error
        chunks = self._chunks
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def next(self) -> bytes | None:
        """Return all that has arrived since the last call, b"" after a pulse, None at the end.

        Raises TransportError when the answer breaks off, after everything that had arrived was
        returned.
        """
        if not (self._chunks or self.complete or self.error or self._pulse):
            await self._wait()
        self._pulse = False
        chunks = self._chunks
        if chunks:
            self._chunks = []
            self._size = 0
            self._read_on()
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self.error is not None:
            raise self.error
        return None if self.complete else b""

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            if self.spoke:
                self.alive_at = self._loop.time()
                self.limit_s = self.patience.between_tokens_s
            self.line.resume()

    def drain(self, limit_s: float) -> None:
        """Read no more, but keep the connection if the answer's end arrives within the limit."""
        if not self.complete and self.error is None:
            self._chunks = []
            self.pulse_s = NEVER
            self._read_on()
            self.ends_at = self._loop.time() + limit_s

    def close(self) -> None:
        """Give up: the provider's connection is closed at once unless the answer is complete."""
        self.fail(Cut("given up", before_answer=not self.seen))
