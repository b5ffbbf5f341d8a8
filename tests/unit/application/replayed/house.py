"""Repeats over fakes: one provider, answers kept in memory."""

import asyncio
from collections.abc import Callable

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import Claims, Form, ResponseCache, Shape
from llmproxy.application.interfaces.upstream import Reply
from llmproxy.application.use_cases.replayed.cached import Cached
from llmproxy.application.use_cases.replayed.once import Repeats
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.application.use_cases.replayed.sharing import Rooms, Sharing
from llmproxy.infra.cache.memory import MemoryCache, NoClaims
from tests.fakes.clock import FakeClock
from tests.fakes.forms import FakeForms
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import USAGE, FakeEvents, FakeProvider, call, deployment

WHOLE = Wish(Shape(Form.WHOLE), Use.ON, 60.0, b"what?")
EVENTS = Wish(Shape(Form.EVENTS), Use.ON, 60.0, b"what?")
MAX_ENTRY_BYTES = 10_000
PATIENCE_S = 5.0


class Paced(FakeEvents):
    """Events that come when a test says so."""

    def __init__(self) -> None:
        super().__init__([], USAGE)
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    @override
    async def next(self) -> bytes | None:
        said = await self.queue.get()
        if isinstance(said, Exception):
            raise said
        self.given_bytes += len(said or b"")
        return said

    @override
    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Everything comes from `next`."""

    def say(self, *batches: bytes | Exception | None) -> None:
        """Let these come."""
        for batch in batches:
            self.queue.put_nowait(batch)


class Gated(FakeProvider):
    """Answers once `gate` is open."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.cancelled = 0

    @override
    async def answer(self, call: Call) -> Reply:
        try:
            self.calls.append(call)
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def streams_paced(self) -> Paced:
        """Return the next stream."""
        paced = Paced()
        self.streams.append(paced)
        return paced


class House:
    """What a test asks, and what it looks at."""

    def __init__(
        self,
        store: ResponseCache | None = None,
        claims: Claims | None = None,
        **document: object,
    ) -> None:
        self.clock = FakeClock()
        self.provider = Gated(self.clock)
        self.rooms = FakeRooms(self.clock, deployment(self.provider, **document))
        self.forms = FakeForms()
        self.store = store or MemoryCache(self.clock, max_bytes=1_000_000)
        rooms = Rooms(
            self.rooms.registry,
            self.rooms.admit,
            self.rooms.settle,
            self.rooms.answer.admitted,
            self.rooms.stream.admitted,
        )
        self.claims = claims or NoClaims()
        self.sharing = self._sharing(rooms)
        self.once = self._sharing(rooms)
        self.cached = Cached(rooms, self.sharing)
        self.repeats = Repeats(self.cached, self.once, self.claims, self.clock, ttl_s=3600.0)
        self._numbers = 0

    def _sharing(self, rooms: Rooms) -> Sharing:
        return Sharing(rooms, self.store, self.forms, self.clock, max_entry_bytes=MAX_ENTRY_BYTES)

    def call(self, **changes: object) -> Call:
        """Return a call with an id of its own."""
        self._numbers += 1
        return call(self.clock, **{"request_id": f"req_{self._numbers}", **changes})

    async def answer(self, wish: Wish = WHOLE, **changes: object) -> Whole:
        """Ask in one piece."""
        return await self.repeats.answer(self.call(**changes), wish)

    async def stream(self, wish: Wish = EVENTS, **changes: object) -> Live:
        """Ask for events."""
        return await self.repeats.stream(self.call(stream=True, **changes), wish)

    def outcomes(self) -> list[tuple[str, int, int]]:
        """Outcome, cost and counted requests of each row, in the order in which they ended."""
        rows = self.rooms.journal.settlements
        return [(row.outcome.value, row.cost_nano, row.counted) for row in rows]

    def check_books(self) -> None:
        """Every admission has one row, and nothing is held any more.

        Only what asks no provider is not journalled before.
        """
        opened = sorted(entry.request_id for entry in self.rooms.journal.openings)
        rows = {row.request_id: row for row in self.rooms.journal.settlements}
        assert len(rows) == len(self.rooms.journal.settlements)
        free = rows.keys() - set(opened)
        assert sorted(rows.keys() - free) == opened
        assert all(rows[each].deployment is None and not rows[each].cost_nano for each in free)
        assert self.rooms.limiter.held == []


def lines_of(answer: Whole | Live) -> list[bytes]:
    """The header lines of an answer of either kind."""
    if hasattr(answer, "reply"):
        return answer.reply.headers
    return answer.headers


def status(answer: Whole | Live) -> str:
    """What the head says of the cache."""
    lines = lines_of(answer)
    [said] = [line for line in lines if line.startswith(b"x-llmproxy-cache-status: ")]
    return said.partition(b": ")[2].decode()


async def read(live: Live) -> bytes:
    """Read a stream to its end, and close it."""
    said = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (batch := await live.next()) is not None:
                said += batch
    finally:
        live.close()
    return said


async def steps(count: int = 20) -> None:
    """Let everything that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


def open_house(**document: object) -> House:
    """A house whose provider answers at once, with headers of one call alone."""
    house = House(**document)
    house.provider.gate.set()
    house.provider.reply = Reply(
        [
            b"content-type: application/json",
            b"x-llmproxy-upstream-request-id: u1",
            b"OpenAI-Processing-Ms: 12",
            b"x-ratelimit-remaining-requests: 3",
        ],
        b'{"said":1}',
        USAGE,
    )
    return house
