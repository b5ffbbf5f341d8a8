"""Where an answer is likely kept far away, store and gate are asked at the same time."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.response_cache import Kept, Look
from llmproxy.domain.errors import IdempotencyKeyReused, RateLimited
from llmproxy.infra.cache.memory import MemoryCache
from tests.fakes.clock import FakeClock
from tests.unit.application.replayed.house import EVENTS, WHOLE, House, open_house, read, status

pytestmark = pytest.mark.asyncio
LIKELY = replace(WHOLE, likely=True)


class _Far(Look):
    def __init__(self, kept: Kept | None, told: Callable[[], None]) -> None:
        self.kept = kept
        self.told = told
        self.given_up = False

    @override
    def __await__(self) -> Generator[Any, None, Kept | None]:
        yield from asyncio.sleep(0).__await__()
        self.told()
        return self.kept

    @override
    def give_up(self) -> None:
        self.given_up = True


class FarAway(MemoryCache):
    """Looking takes a while; `looks` are all that were begun.

    `when_told` is called when one tells.
    """

    def __init__(self) -> None:
        super().__init__(FakeClock(), max_bytes=1_000_000)
        self.looks: list[_Far] = []
        self.when_told: Callable[[], None] = lambda: None

    @override
    def at_hand(self, key: bytes) -> None:
        """Nothing is."""

    @override
    def begin(self, key: bytes) -> Look:  # type: ignore[override]
        self.looks.append(_Far(self._entries.get(key), self.when_told))
        return self.looks[-1]


def _house() -> tuple[House, FarAway]:
    store = FarAway()
    house = House(store)
    good = open_house()
    house.provider.gate.set()
    house.provider.reply = good.provider.reply
    return house, store


def _limited() -> RateLimited:
    error = RateLimited("no")
    error.limit = ("key", "cost_per_month")
    return error


async def test_what_is_kept() -> None:
    """It is given, admitted and booked once."""
    house, store = _house()
    assert status(await house.answer()) == "miss"
    again = await house.answer(LIKELY)
    assert (status(again), again.reply.body) == ("hit", b'{"said":1}')
    assert len(store.looks) == 2
    assert [outcome for outcome, *_ in house.outcomes()] == ["finished", "cached"]
    house.check_books()


async def test_what_is_not_kept_any_more() -> None:
    """What was held for it is given back, and the provider asked."""
    house, _ = _house()
    assert status(await house.answer(LIKELY)) == "miss"
    assert house.outcomes() == [("finished", 18_000, 1)]
    house.check_books()


async def test_a_stream() -> None:
    """Is given in the same way."""
    house, _ = _house()
    house.provider.streams_paced().say(b"content", None)
    assert await read(await house.stream()) == b"content"
    live = await house.stream(replace(EVENTS, likely=True))
    assert await read(live) == b"content"
    assert status(live) == "hit"
    house.check_books()


async def test_what_a_limit_refuses() -> None:
    """Nobody wants to know then whether there is an answer."""
    house, store = _house()
    await house.answer()
    house.rooms.limiter.refusal = _limited()
    with pytest.raises(RateLimited):
        await house.answer(LIKELY)
    assert house.rooms.meter.refusals == [("key", "cost_per_month")]
    assert [look.given_up for look in store.looks] == [False, True]
    house.check_books()


async def test_who_leaves_meanwhile_holds_nothing() -> None:
    """Nor does who is refused because of what is found."""
    house, store = _house()
    await house.answer()
    asked = asyncio.create_task(house.answer(LIKELY))
    await asyncio.sleep(0)
    assert len(store.looks) == 2
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    house.check_books()

    for key, kept in store._entries.items():
        store._entries[key] = replace(kept, fingerprint=b"other")
    with pytest.raises(IdempotencyKeyReused):
        await house.answer(LIKELY)
    house.check_books()


async def test_what_is_kept_unexpectedly() -> None:
    """The gate was asked for a call to a provider: what that may cost is given back."""
    house, store = _house()
    await house.answer()
    again = await house.answer()
    assert (status(again), len(store.looks)) == ("hit", 2)
    assert house.outcomes()[1] == ("cached", 0, 1)
    assert len(house.provider.calls) == 1
    house.check_books()


async def test_what_a_limit_refuses_of_a_call_but_not_of_a_kept_answer() -> None:
    """A refusal by what a provider may cost is none of an answer that costs nothing."""
    house, store = _house()
    await house.answer()
    limiter = house.rooms.limiter
    limiter.refusal = _limited()
    store.when_told = lambda: setattr(limiter, "refusal", None)
    assert status(await house.answer()) == "hit"
    assert [look.given_up for look in store.looks] == [False, False]
    assert house.rooms.meter.refusals == [], "nobody was refused"
    house.check_books()


async def test_what_is_refused_and_not_kept() -> None:
    """It is refused, and counted once as that."""
    house, _ = _house()
    house.rooms.limiter.refusal = _limited()
    with pytest.raises(RateLimited):
        await house.answer()
    assert house.rooms.meter.refusals == [("key", "cost_per_month")]
    assert house.outcomes() == []
    house.check_books()


async def test_who_leaves_while_it_is_looked() -> None:
    """Is booked as a call that its client has broken off, and holds nothing."""
    house, store = _house()
    asked = asyncio.create_task(house.answer())
    await asyncio.sleep(0)
    assert len(store.looks) == 1
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert house.outcomes() == [("aborted", 0, 0)]
    house.check_books()
