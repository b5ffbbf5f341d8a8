"""Identical calls under way: one provider call, whoever leaves, however it ends."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.domain.errors import Broken, RateLimited
from tests.unit.application.replayed.house import (
    open_house,
    status,
    steps,
)

pytestmark = pytest.mark.asyncio
FINISHED = ("finished", 18_000, 1)
CACHED = ("cached", 0, 1)


async def test_identical_calls_under_way_share_one() -> None:
    """Twenty at once ask the provider once; each has its own row, nineteen at no cost."""
    house = open_house()
    house.provider.gate.clear()
    asked = [asyncio.create_task(house.answer()) for _ in range(20)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked)

    assert sorted(map(status, answers)) == ["coalesced"] * 19 + ["miss"]
    assert len(house.provider.calls) == 1
    assert sorted(house.outcomes()) == [CACHED] * 19 + [FINISHED]
    along = next(each for each in answers if status(each) == "coalesced")
    assert b"x-llmproxy-upstream-request-id: u1" not in along.reply.headers
    house.check_books()
    assert len(house.sharing.flights) == 0


async def test_a_failure_is_everybodys() -> None:
    """And the next one asks anew."""
    house = open_house()
    house.provider.gate.clear()
    house.provider.reply = Broken("no")
    asked = [asyncio.create_task(house.answer()) for _ in range(3)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in answers] == [Broken] * 3
    assert len(house.provider.calls) == 1
    assert sorted(house.outcomes()) == [("failed", 0, 0)] * 3
    house.check_books()


async def test_a_crash_is_everybodys() -> None:
    """What is no error of the gateway's is raised too, and booked as a crash."""
    house = open_house()
    house.provider.gate.clear()
    house.provider.reply = ZeroDivisionError()
    asked = [asyncio.create_task(house.answer()) for _ in range(2)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers] == [ZeroDivisionError] * 2
    assert {row.error for row in house.rooms.journal.settlements} == {"internal_error"}
    house.check_books()


async def test_the_first_may_leave() -> None:
    """The others are served by the call that it began, which is booked as its own."""
    house = open_house()
    house.provider.gate.clear()
    first, second = asyncio.create_task(house.answer()), asyncio.create_task(house.answer())
    await steps()
    first.cancel()
    await steps()
    house.provider.gate.set()
    assert status(await second) == "coalesced"
    assert house.provider.cancelled == 0
    assert house.outcomes() == [FINISHED, CACHED]
    house.check_books()


async def test_when_all_leave_the_provider_is_told() -> None:
    """The call is cancelled once the last has left; nobody boards what is being cancelled."""
    house = open_house()
    house.provider.gate.clear()
    asked = [asyncio.create_task(house.answer()) for _ in range(3)]
    await steps()
    for each in asked:
        each.cancel()
    await steps()
    assert house.provider.cancelled == 1
    assert len(house.sharing.flights) == 0
    assert [outcome for outcome, *_ in house.outcomes()] == ["aborted"] * 3
    house.check_books()


async def test_who_leaves_before_the_first_step_holds_nothing() -> None:
    """A call that is cancelled at once is settled all the same."""
    house = open_house()
    house.provider.gate.clear()
    asked = asyncio.create_task(house.answer())
    await asyncio.sleep(0)
    asked.cancel()
    await steps()
    house.check_books()
    assert len(house.sharing.flights.running) == 0


async def test_a_leaders_refusal_is_its_own() -> None:
    """What the gate refuses is never shared: another key may have room."""
    house = open_house()
    house.rooms.limiter.refusal = RateLimited("no")
    with pytest.raises(RateLimited):
        await house.answer()
    house.rooms.limiter.refusal = None
    assert status(await house.answer()) == "miss"
    house.check_books()


async def test_closing_cancels_what_is_under_way() -> None:
    """Who waits is told that the gateway is stopping."""
    house = open_house()
    house.provider.gate.clear()
    asked = asyncio.create_task(house.answer())
    await steps()
    await house.sharing.flights.close()
    with pytest.raises(Exception, match="stopping"):
        await asked
    house.check_books()


async def test_who_leaves_before_the_first_step_of_a_stream() -> None:
    """The flight begins all the same, and so ends: what it was given is settled."""
    house = open_house()
    house.provider.streams_paced()
    live = await house.stream()
    live.close()
    await steps()
    assert [outcome for outcome, *_ in house.outcomes()] == ["aborted"]
    house.check_books()


async def test_a_gate_that_takes_its_time() -> None:
    """Those who were let in while another took off board that flight."""
    house = open_house()
    house.provider.gate.clear()
    reserve = house.rooms.limiter.reserve

    async def slowly(reservation: Reservation) -> None:
        await steps(3)
        await reserve(reservation)

    house.rooms.limiter.reserve = slowly  # type: ignore[method-assign]
    asked = [asyncio.create_task(house.answer()) for _ in range(5)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked)
    assert sorted(map(status, answers)) == ["coalesced"] * 4 + ["miss"]
    assert len(house.provider.calls) == 1
    house.check_books()
