"""Calls whose client says when it leaves: they fly in its own task, and others may board."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.response_cache import Kept
from llmproxy.application.use_cases.replayed.flights import Flights
from llmproxy.application.use_cases.replayed.sharing import FEW
from llmproxy.domain.errors import Broken, Unavailable
from llmproxy.infra.cache.memory import MemoryCache
from tests.fakes.clock import FakeClock
from tests.fakes.presence import FakePresence
from tests.unit.application.replayed.house import WHOLE, House, open_house, status, steps

pytestmark = pytest.mark.asyncio
FINISHED = ("finished", 18_000, 1)
CACHED = ("cached", 0, 1)
PATIENCE_S = 5.0


def _ask(house: House) -> "tuple[FakePresence, asyncio.Task[Whole]]":
    presence = FakePresence()
    return presence, presence.serve(house.answer(replace(WHOLE, presence=presence)))


async def test_it_needs_no_task() -> None:
    """The answer comes in the task that asks, is kept, and nobody is detained any more."""
    house = open_house()
    presence = FakePresence()
    tasks = len(asyncio.all_tasks())
    asked = presence.serve(house.answer(replace(WHOLE, presence=presence)))
    house.provider.gate.clear()
    await steps()
    assert len(asyncio.all_tasks()) == tasks + 1
    assert presence.detained
    house.provider.gate.set()
    assert status(await asked) == "miss"
    assert not presence.detained
    assert status(await _ask(house)[1]) == "hit"
    assert house.outcomes() == [FINISHED, CACHED]
    house.check_books()
    assert not house.sharing.flights.running
    assert len(house.sharing.flights) == 0


async def test_with_many_under_way_a_turn_passes_before_answers_are_sent() -> None:
    """The first of many waits it, and is sent after those behind it; each is kept and paid once."""
    house = open_house()
    house.provider.gate.clear()
    sent: list[int] = []

    async def ask(number: int) -> Whole:
        asked = replace(WHOLE, question=b"%d" % number)
        visit = FakePresence()
        whole = await visit.serve(house.answer(replace(asked, presence=visit)))
        sent.append(number)
        return whole

    answers = [asyncio.create_task(ask(number)) for number in range(FEW + 2)]
    await steps()
    house.provider.gate.set()
    done = await asyncio.gather(*answers)
    assert [status(each) for each in done] == ["miss"] * (FEW + 2)
    assert sorted(sent) == list(range(FEW + 2))
    assert sent != sorted(sent)
    house.check_books()
    assert not house.sharing.flights.running


async def test_identical_calls_share_one() -> None:
    """Each has its own row, all but one at no cost."""
    house = open_house()
    house.provider.gate.clear()
    asked = [_ask(house)[1] for _ in range(5)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked)
    assert sorted(map(status, answers)) == ["coalesced"] * 4 + ["miss"]
    assert len(house.provider.calls) == 1
    assert sorted(house.outcomes()) == [CACHED] * 4 + [FINISHED]
    house.check_books()


@pytest.mark.parametrize("error", [Broken("no"), ZeroDivisionError()])
async def test_a_failure_is_everybodys(error: Exception) -> None:
    """And the next one asks anew."""
    house = open_house()
    good = house.provider.reply
    house.provider.gate.clear()
    house.provider.reply = error
    asked = [_ask(house)[1] for _ in range(3)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers] == [type(error)] * 3
    house.check_books()
    house.provider.reply = good
    assert status(await _ask(house)[1]) == "miss"
    assert len(house.provider.calls) == 2


async def test_who_leaves_alone_is_cancelled_at_once() -> None:
    """The provider's work ends, and nobody boards what has ended."""
    house = open_house()
    house.provider.gate.clear()
    presence, asked = _ask(house)
    await steps()
    presence.leave()
    await steps()
    assert asked.cancelled()
    assert house.provider.cancelled == 1
    assert [outcome for outcome, *_ in house.outcomes()] == ["aborted"]
    assert len(house.sharing.flights) == 0
    assert not house.sharing.flights.running
    house.check_books()


async def test_the_first_may_leave() -> None:
    """The call goes on for the others, is booked as its own, and then ends as cancelled."""
    house = open_house()
    house.provider.gate.clear()
    first, asked = _ask(house)
    _, second = _ask(house)
    await steps()
    first.leave()
    await steps()
    assert not asked.done()
    house.provider.gate.set()
    assert status(await second) == "coalesced"
    await steps()
    assert asked.cancelled()
    assert house.provider.cancelled == 0
    assert house.outcomes() == [FINISHED, CACHED]
    house.check_books()


async def test_when_all_leave_the_provider_is_told() -> None:
    """Whoever leaves last, the first or another."""
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        house = open_house()
        house.provider.gate.clear()
        asked = [_ask(house) for _ in range(3)]
        await steps()
        for number in order:
            assert house.provider.cancelled == 0
            asked[number][0].leave()
            await steps()
        assert house.provider.cancelled == 1
        assert all(task.cancelled() for _, task in asked)
        assert len(house.sharing.flights) == 0
        assert [outcome for outcome, *_ in house.outcomes()] == ["aborted"] * 3
        house.check_books()


async def test_the_end_of_the_gateway() -> None:
    """It cancels the request; who rides along is told."""
    house = open_house()
    house.provider.gate.clear()
    _, first = _ask(house)
    _, second = _ask(house)
    await steps()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(Unavailable):
        await second
    house.check_books()


async def test_closing_cancels_what_is_under_way() -> None:
    """A call that goes on for others has no connection that the server could break off."""
    house = open_house()
    house.provider.gate.clear()
    first, asked = _ask(house)
    _, second = _ask(house)
    await steps()
    first.leave()
    async with asyncio.timeout(PATIENCE_S):
        await house.repeats.close()
    assert asked.cancelled()
    with pytest.raises(Unavailable):
        await second
    house.check_books()


class _Slow(MemoryCache):
    """Keeps an answer when a test says so."""

    keeping: "asyncio.Future[Any] | None" = None

    @override
    def put(self, key: bytes, kept: Kept) -> "asyncio.Future[Any]":  # type: ignore[override]
        self.keeping = asyncio.get_running_loop().create_future()
        self.keeping.add_done_callback(lambda _: super(_Slow, self).put(key, kept))
        return self.keeping


async def test_what_is_still_being_kept_is_boarded() -> None:
    """Nobody waits for that; who asks until then is given the answer all the same."""
    store = _Slow(FakeClock(), max_bytes=1_000_000)
    house = House(store)
    house.provider.gate.set()
    house.provider.reply = open_house().provider.reply
    assert status(await _ask(house)[1]) == "miss"
    assert status(await _ask(house)[1]) == "coalesced"
    assert store.keeping is not None
    store.keeping.set_result(None)
    await steps()
    assert status(await _ask(house)[1]) == "hit"
    assert len(house.provider.calls) == 1
    house.check_books()


class _Broken(MemoryCache):
    """Breaks as often as `breaks` says."""

    breaks = 1

    @override
    def put(self, key: bytes, kept: Kept) -> None:
        self.breaks -= 1
        if self.breaks >= 0:
            raise ZeroDivisionError
        super().put(key, kept)


@pytest.mark.parametrize("own", [True, False])
async def test_a_store_that_breaks(own: bool, caplog: pytest.LogCaptureFixture) -> None:  # noqa: FBT001
    """The answer was paid for and is given; the next question asks anew, and is kept."""
    house = House(_Broken(FakeClock(), max_bytes=1_000_000))
    house.provider.gate.set()
    house.provider.reply = open_house().provider.reply
    for expected in ("miss", "miss", "hit"):
        answer = await (_ask(house)[1] if own else house.answer())
        assert (status(answer), answer.reply.body) == (expected, b'{"said":1}')
        await steps()
        assert len(house.sharing.flights) == 0
        assert not house.sharing.flights.running
    assert len(house.provider.calls) == 2
    assert [each.message for each in caplog.records] == ["an answer could not be kept"]
    house.check_books()


async def test_the_end_waits_for_what_is_being_kept() -> None:
    """Within its bound."""
    flights = Flights(1000)
    keeping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    flights.land(keeping)
    closing = asyncio.create_task(flights.close())
    await steps()
    assert not closing.done()
    keeping.set_result(None)
    async with asyncio.timeout(PATIENCE_S):
        await closing
