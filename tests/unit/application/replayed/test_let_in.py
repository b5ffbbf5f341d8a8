"""Where an answer is likely kept far away, store and gate are asked at the same time."""

import asyncio
from collections.abc import Generator
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
    def __init__(self, kept: Kept | None) -> None:
        self.kept = kept
        self.given_up = False

    @override
    def __await__(self) -> Generator[Any, None, Kept | None]:
        yield from asyncio.sleep(0).__await__()
        return self.kept

    @override
    def give_up(self) -> None:
        self.given_up = True


class FarAway(MemoryCache):
    """Looking takes a while; `looks` are all that were begun."""

    def __init__(self) -> None:
        super().__init__(FakeClock(), max_bytes=1_000_000)
        self.looks: list[_Far] = []

    @override
    def at_hand(self, key: bytes) -> None:
        """Nothing is."""

    @override
    def begin(self, key: bytes) -> Look:  # type: ignore[override]
        self.looks.append(_Far(self._entries.get(key)))
        return self.looks[-1]


def _house() -> tuple[House, FarAway]:
    store = FarAway()
    house = House(store)
    good = open_house()
    house.provider.gate.set()
    house.provider.reply = good.provider.reply
    return house, store


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
    house.rooms.limiter.refusal = RateLimited("no")
    with pytest.raises(RateLimited):
        await house.answer(LIKELY)
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
