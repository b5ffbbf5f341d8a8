"""Streams for the same question: given again, read by several, of any size and pace."""

import pytest

from llmproxy.domain.errors import Broken
from tests.fakes.upstream import USAGE, FakeEvents
from tests.unit.application.replayed.house import (
    open_house,
    read,
    status,
    steps,
)

pytestmark = pytest.mark.asyncio
FINISHED = ("finished", 18_000, 1)
CACHED = ("cached", 0, 1)


async def test_a_stream_is_given_again() -> None:
    """The same bytes at once, without what was the first call's alone."""
    house = open_house()
    paced = house.provider.streams_paced()
    paced.say(b"content one", b"content two", None)
    first = await house.stream()
    assert await read(first) == b"content onecontent two"
    second = await house.stream()
    assert await second.next() == b"content onecontent two"
    assert await second.next() is None
    assert (status(first), status(second)) == ("miss", "hit")
    assert b"x-llmproxy-upstream-request-id: u1" in first.headers
    assert b"x-llmproxy-upstream-request-id: u1" not in second.headers
    assert house.outcomes() == [FINISHED, CACHED]
    house.check_books()


async def test_late_readers_get_a_stream_from_its_beginning() -> None:
    """What has come so far, then what comes."""
    house = open_house()
    paced = house.provider.streams_paced()
    first = await house.stream()
    paced.say(b"content one")
    assert await first.next() == b"content one"
    second = await house.stream()
    assert await second.next() == b"content one"
    assert status(second) == "coalesced"
    paced.say(b" two", None)
    assert await read(first) == b" two"
    assert await read(second) == b" two"
    assert len(house.provider.calls) == 1
    assert sorted(house.outcomes()) == [CACHED, FINISHED]
    house.check_books()


async def test_a_cut_stream_is_not_kept() -> None:
    """All who read it are told; the next question asks the provider."""
    house = open_house()
    paced = house.provider.streams_paced()
    first, second = await house.stream(), await house.stream()
    paced.say(b"content one", Broken("cut"))
    for live in (first, second):
        with pytest.raises(Broken):
            await read(live)
    house.provider.streams_paced().say(b"content", None)
    third = await house.stream()
    await read(third)
    assert status(third) == "miss"
    assert sorted(outcome for outcome, *_ in house.outcomes()) == ["failed", "failed", "finished"]
    house.check_books()


async def test_a_stream_goes_on_without_its_first_reader() -> None:
    """It is cancelled when the last has left."""
    house = open_house()
    paced = house.provider.streams_paced()
    first, second = await house.stream(), await house.stream()
    paced.say(b"content one")
    assert await first.next() == b"content one"
    first.close()
    paced.say(b" two")
    assert await second.next() == b"content one"
    await steps()
    assert await second.next() == b" two"
    assert not paced.closed
    second.close()
    second.close()
    await steps()
    assert paced.closed
    assert [outcome for outcome, *_ in house.outcomes()] == ["aborted", "aborted"]
    house.check_books()


async def test_silence_is_told() -> None:
    """A reader that asks for pulses gets them, whatever the flight does."""
    house = open_house()
    paced = house.provider.streams_paced()
    live = await house.stream()
    live.pulse_every(0.001)
    assert await live.next() == b""
    paced.say(b"content", None)
    assert await read(live) == b"content"


async def test_a_large_stream_is_let_go() -> None:
    """Nobody boards it any more, and it is not kept; its readers get all of it."""
    house = open_house()
    paced = house.provider.streams_paced()
    first, second = await house.stream(), await house.stream()
    piece = b"content" * 1000
    paced.say(piece, piece)
    await steps()
    assert len(house.sharing.flights) == 0
    other = house.provider.streams_paced()
    other.say(b"content", None)
    third = await house.stream()
    assert status(third) == "miss"
    await read(third)
    paced.say(None)
    assert await read(first) == piece + piece
    assert await read(second) == piece + piece
    house.check_books()


async def test_who_does_not_keep_up_holds_up_nobody() -> None:
    """A reader that stands still is cut off when another is far ahead; alone it sets the pace."""
    house = open_house()
    paced = house.provider.streams_paced()
    quick, slow = await house.stream(), await house.stream()
    piece = b"content " * 8000
    for _ in range(6):
        paced.say(piece)
        assert await quick.next() == piece
    with pytest.raises(Broken):
        await slow.next()
    slow.close()
    for _ in range(20):
        paced.say(piece)
    await steps(100)
    assert not paced.queue.empty(), "the stream must wait for its only reader"
    paced.say(None)
    assert await read(quick) == piece * 20
    house.check_books()


async def test_what_is_poured() -> None:
    """The bulk of a stream comes without a task being woken for each event; its pace is kept."""
    house = open_house()
    piece = b"content " * 8000
    house.provider.streams = [FakeEvents([piece] * 20 + [None], USAGE)]
    live = await house.stream()
    assert await live.next() == piece * 6, "as far ahead as a stream may be of its readers"
    assert await read(live) == piece * 14
    house.check_books()
