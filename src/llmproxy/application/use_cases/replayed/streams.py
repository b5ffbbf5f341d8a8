"""A stream that several may read: each from its beginning, as it arrives."""

import asyncio
from typing import Final

from llmproxy.application.interfaces.delivery import Live
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Source
from llmproxy.application.use_cases.replayed.flights import Answered, Flight, Flights, Keep
from llmproxy.domain.errors import Broken

LEAD_BYTES: Final = 256 * 1024
"""How far a provider's stream may be ahead of the fastest of its readers."""


class StreamFlight(Flight):
    """An answer in events, or in bytes, as they arrive.

    Up to `max_bytes` all is held, so that whoever boards gets it from the beginning; beyond that
    nobody boards any more, and what all have read is let go. It runs at the pace of its fastest
    reader; one that falls `max_bytes` behind is cut off, so that it holds up no other.
    """

    def __init__(
        self,
        table: Flights,
        asked: Asked,
        source: Source,
        admission: Admission | None,
        keep: Keep,
    ) -> None:
        super().__init__(table, asked, source, admission, keep)
        self.live: Live | None = None
        self.whole = True
        self._max_bytes = table.max_bytes
        self._batches: list[bytes] = []
        self._gone = 0
        self._total = 0
        self._readers: list[Reader] = []
        self._room: asyncio.Future[None] | None = None

    def reader(self) -> "Reader":
        """Board, to read from the beginning. `leave` it once."""
        reader = Reader(self)
        self._readers.append(reader)
        self.board()
        return reader

    def part(self, reader: "Reader") -> None:
        """Let a reader go."""
        self._readers.remove(reader)
        self.leave()
        self.moved()

    async def _run(self) -> None:
        live = self.live = await self.source.stream(self._admission)
        try:
            while (batch := await live.next()) is not None:
                if batch:
                    self._take(batch)
                    await self._wait_for_room()
                    await live.pour(self._offer)
        finally:
            live.close()

    def _answered(self) -> Answered | None:
        live = self.live
        if self.error is not None or not self.whole or live is None or live.deployment is None:
            return None
        return live.headers, b"".join(self._batches), live.deployment

    def _offer(self, batch: bytes) -> bool:
        if self._lead() > LEAD_BYTES:
            return False
        self._take(batch)
        return True

    def _take(self, batch: bytes) -> None:
        self._batches.append(batch)
        self._total += len(batch)
        if self.whole and self._total > self._max_bytes:
            self.whole = False
            self.retire()
        if not self.whole:
            self._cut_off()
            self._trim()
        self._tell()

    def _lead(self) -> int:
        """Return how far the stream is ahead of its fastest reader."""
        return self._total - max([reader.read for reader in self._readers], default=self._total)

    def _cut_off(self) -> None:
        fastest = self._lead()
        for reader in self._readers:
            behind = self._total - reader.read
            if behind > max(self._max_bytes, LEAD_BYTES) and behind > fastest:
                reader.late = True

    def _trim(self) -> None:
        """Let go of what everybody has read."""
        needed = [reader.at for reader in self._readers if not reader.late]
        first = min(needed, default=self._gone + len(self._batches))
        if first > self._gone:
            del self._batches[: first - self._gone]
            self._gone = first

    async def _wait_for_room(self) -> None:
        while self._readers and self._lead() > LEAD_BYTES:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def moved(self) -> None:
        """Go on where a reader has read or left."""
        if not self.whole:
            self._trim()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def since(self, at: int) -> tuple[bytes, int]:
        """Return all that came from a batch on, and the number of the next one."""
        news = self._batches[at - self._gone :]
        return (news[0] if len(news) == 1 else b"".join(news)), self._gone + len(self._batches)

    def _tell(self) -> None:
        for reader in self._readers:
            reader.wake()


class Reader:
    """One who reads a flight: `at` is the number of its next batch, `read` its bytes so far."""

    def __init__(self, flight: StreamFlight) -> None:
        self.at = 0
        self.read = 0
        self.late = False
        self.pulse_s: float | None = None
        self._flight = flight
        self._waiter: asyncio.Future[bool] | None = None

    def wake(self) -> None:
        """Tell of news."""
        self._wake(news=True)

    def _wake(self, *, news: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(news)

    async def next(self) -> bytes | None:
        """Return what has come, b"" after a silence, None at the end. Raises what it broke by."""
        while True:
            if self.late:
                raise Broken("The client did not keep up with an answer that others read as well.")
            news, self.at = self._flight.since(self.at)
            if news:
                self.read += len(news)
                self._flight.moved()
                return news
            if self._flight.ended:
                if self._flight.error is not None:
                    raise self._flight.error
                return None
            if not await self._news():
                return b""

    async def _news(self) -> bool:
        """Wait; return whether something has happened before the pulse."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = None
        if self.pulse_s is not None:
            timer = loop.call_later(self.pulse_s, lambda: self._wake(news=False))
        try:
            return await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
