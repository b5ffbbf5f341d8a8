"""The clock of an exchange, and the order in which its reader hears of things."""

import asyncio

import pytest

from llmproxy.infra.providers.transport.errors import Cut, Garbled, Silent, Wait
from llmproxy.infra.providers.transport.exchange import HIGH_WATER_BYTES, Exchange
from llmproxy.infra.providers.transport.target import Patience
from tests.fakes.line import FakeLine


class _Timed:
    """An exchange whose clock is moved by the test."""

    def __init__(
        self,
        *,
        total_s: float | None = None,
        streaming: bool = True,
        client_s: float | None = None,
        began: float | None = None,
    ) -> None:
        self.line = FakeLine()
        patience = Patience(1.0, 5.0, 2.0, total_s)
        if client_s is not None:
            patience = patience.within(client_s, whole=not streaming)
        loop = asyncio.get_running_loop()
        self.began = loop.time() if began is None else began
        self.exchange = Exchange(
            loop, self.line, patience, 1 << 20, streaming=streaming, began_at=self.began
        )

    def arrives(self, data: bytes, after_s: float) -> None:
        """Let a piece of the body arrive this long after the beginning."""
        self.exchange.heard_at = self.began + after_s
        self.exchange.feed(data)

    def passes(self, seconds: float) -> Wait | None:
        """Look at the clock this long after the beginning; the silence that it found."""
        self.exchange.check(self.began + seconds)
        error = self.exchange.error
        return error.what if isinstance(error, Silent) else None

    @property
    def by_client(self) -> bool:
        """Whether it was the client's limit that ended it."""
        assert isinstance(self.exchange.error, Silent)
        return self.exchange.error.by_client


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [False, True], ids=["plain", "stream"])
async def test_silence_before_the_answer(*, streaming: bool) -> None:
    """The first content has its own limit, from the request on."""
    timed = _Timed(streaming=streaming)

    assert timed.passes(4.9) is None
    assert timed.passes(5.0) is Wait.FIRST_TOKEN
    assert timed.line.aborted
    assert not timed.by_client


LIFELESS = [b": ping\n\n", b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', b"\n", b" "]


@pytest.mark.asyncio
@pytest.mark.parametrize("data", LIFELESS)
async def test_what_comes_before_the_content_is_no_content(data: bytes) -> None:
    """Status, comments and roles keep no stream alive that says nothing."""
    timed = _Timed()
    timed.exchange.begin(200)
    for second in range(5):
        timed.arrives(data, second)
        assert timed.passes(second + 0.5) is None

    assert timed.passes(5.0) is Wait.FIRST_TOKEN


@pytest.mark.asyncio
async def test_blank_lines_are_no_answer() -> None:
    """What some send while they work on an answer in one piece is not its beginning."""
    timed = _Timed(streaming=False)
    timed.exchange.begin(200)
    timed.arrives(b"\n", 4.0)
    assert timed.exchange.limit_s == 5.0
    timed.arrives(b"{", 4.5)
    timed.arrives(b"\n", 6.0)

    assert timed.passes(7.9) is None
    assert timed.passes(8.0) is Wait.BETWEEN_TOKENS


@pytest.mark.asyncio
async def test_silence_within_the_answer() -> None:
    """Behind the first content the limit is that between tokens, from the last one on."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.arrives(b"data: one\n\n", 1.0)
    timed.exchange.content_began()

    assert timed.passes(2.9) is None
    timed.arrives(b"data: two\n\n", 2.9)
    timed.exchange.content_began()
    assert timed.passes(4.8) is None
    assert timed.passes(4.9) is Wait.BETWEEN_TOKENS


PING = b"event: ping\ndata: {}\n\n"
KEEPALIVE = b'{"type":"keepalive","sequence_number":3}\n\n'
PINGS = {
    b": ping\n\n": False,
    b":\r\n\r\n: twice\r\n\r\n": False,
    PING: False,
    PING + PING: False,
    b"event: keepalive\ndata: " + KEEPALIVE: False,
    b"data: " + KEEPALIVE: False,
    b": ping\n\ndata: one\n\n": True,
    b": why\ndata: one\n\n": True,
    PING + b"event: delta\ndata: one\n\n": True,
    b"data: : ping\n\n": True,
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("data", "alive"), PINGS.items())
async def test_pings_are_no_sign_of_life(data: bytes, *, alive: bool) -> None:
    """Within an answer all counts but what is sent only to keep the connection open."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.content_began()
    timed.arrives(data, 1.0)

    assert (timed.passes(2.0) is None) is alive


@pytest.mark.asyncio
async def test_sound_that_looks_like_a_ping() -> None:
    """Bytes that are no events are not read as such."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.pings = ()
    timed.exchange.content_began()
    timed.arrives(b":::", 1.0)

    assert timed.passes(2.9) is None


@pytest.mark.asyncio
async def test_the_total() -> None:
    """An answer that never ends ends at the total, however lively it is."""
    timed = _Timed(total_s=10.0)
    timed.exchange.begin(200)
    timed.exchange.content_began()
    timed.arrives(b"data: on and on\n\n", 9.9)

    assert timed.passes(9.95) is None
    assert timed.passes(10.0) is Wait.TOTAL
    assert not timed.by_client


@pytest.mark.asyncio
async def test_a_client_that_reads_slowly_is_no_silence() -> None:
    """While reading is paused the provider is not blamed for its silence."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.content_began()
    timed.exchange.feed(b"x" * (HIGH_WATER_BYTES + 1))

    assert timed.line.paused
    assert timed.passes(1000.0) is None
    assert await timed.exchange.next() == b"x" * (HIGH_WATER_BYTES + 1)
    assert not timed.line.paused
    timed.began = timed.exchange.alive_at
    assert timed.passes(2.1) is Wait.BETWEEN_TOKENS


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("client_s", "ends_s", "by_client"), [(3.0, 3.0, True), (5.0, 5.0, False), (60.0, 5.0, False)]
)
async def test_whose_limit_it_was(client_s: float, ends_s: float, *, by_client: bool) -> None:
    """A provider is not blamed for a silence that only the client did not wait out."""
    timed = _Timed(client_s=client_s)

    assert timed.passes(ends_s - 0.1) is None
    assert timed.passes(ends_s) is Wait.FIRST_TOKEN
    assert timed.by_client is by_client


@pytest.mark.asyncio
async def test_the_limit_of_the_client_for_all_of_an_answer() -> None:
    """An answer in one piece has to be complete within it."""
    timed = _Timed(client_s=3.0, streaming=False)
    timed.exchange.begin(200)
    timed.arrives(b"{", 2.5)

    assert timed.passes(3.0) is Wait.TOTAL
    assert timed.by_client


@pytest.mark.asyncio
async def test_two_limits_that_pass_at_once() -> None:
    """Silence until both are over is silence, whatever the clock's milliseconds are rounded to."""
    for millisecond in range(18_000_000, 18_001_000):
        timed = _Timed(client_s=0.3, streaming=False, began=millisecond / 1000)
        timed.exchange.check((millisecond + 300) / 1000)
        assert timed.passes(0.301) is Wait.FIRST_TOKEN


@pytest.mark.asyncio
async def test_pulses() -> None:
    """A reader that waits is woken with nothing, once per silence of that length."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.pulse_every(0.5)
    reading = asyncio.create_task(timed.exchange.next())
    await asyncio.sleep(0)
    timed.passes(0.4)
    await asyncio.sleep(0)
    assert not reading.done()
    timed.passes(0.5)
    assert await reading == b""
    timed.passes(0.6)
    timed.exchange.feed(b"data")
    assert await timed.exchange.next() == b"data"


@pytest.mark.asyncio
async def test_the_order_of_things() -> None:
    """What had arrived is handed over before the error, the error before the end."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.feed(b"one")
    timed.exchange.feed(b"two")
    timed.exchange.fail(Cut("reset", before_answer=False))
    timed.exchange.fail(Cut("again", before_answer=False))

    assert await timed.exchange.next() == b"onetwo"
    with pytest.raises(Cut, match="reset"):
        await timed.exchange.next()


@pytest.mark.asyncio
async def test_an_answer_beyond_all_bounds() -> None:
    """An answer that is never read and never ends is given up."""
    timed = _Timed(streaming=False)
    timed.exchange.begin(200)
    for _ in range(3):
        timed.exchange.feed(b"x" * (1 << 19))

    with pytest.raises(Garbled):
        await timed.exchange.whole()
    assert timed.line.aborted


@pytest.mark.asyncio
async def test_a_whole_answer() -> None:
    """It is complete only at its end."""
    timed = _Timed(streaming=False)
    reading = asyncio.create_task(timed.exchange.whole())
    await asyncio.sleep(0)
    timed.exchange.begin(200)
    timed.exchange.feed(b"one")
    await asyncio.sleep(0)
    assert not reading.done()
    timed.exchange.feed(b"two")
    timed.exchange.finish()
    assert await reading == b"onetwo"


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["answered", "whole", "next"])
async def test_who_stops_waiting_gives_up(method: str) -> None:
    """A reader that is cancelled closes the provider's connection."""
    timed = _Timed()
    reading = asyncio.create_task(getattr(timed.exchange, method)())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert timed.line.aborted


@pytest.mark.asyncio
async def test_draining() -> None:
    """Nobody reads on, and the rest has only so long to come."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.feed(b"rest")
    timed.exchange.drain(1.0)
    now = asyncio.get_running_loop().time()
    timed.exchange.check(now + 0.9)
    assert not timed.line.aborted
    timed.exchange.check(now + 1.1)
    assert timed.line.aborted
