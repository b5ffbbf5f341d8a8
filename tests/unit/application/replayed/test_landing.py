"""The gateway ends while an answer, which everybody has, is being kept."""

import asyncio

import pytest

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.use_cases.replayed.flights import LANDING_S, Flights, Ticket, WholeFlight
from tests.unit.application.replayed.house import open_house

pytestmark = pytest.mark.asyncio
PATIENCE_S = 5.0
EARLY_S = 0.05


class Keeping:
    """A place that keeps an answer when its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.kept = 0
        self.over = 0

    async def keep(self, _whole: Whole) -> None:
        """Keep it."""
        await self.gate.wait()
        self.kept += 1

    async def end(self) -> None:
        """The flight is over."""
        self.over += 1


async def _landing(flights: Flights, keeping: Keeping) -> None:
    """Return when an answer has been given, and is being kept."""
    house = open_house()
    ticket = Ticket("question", b"", keeping.end)
    flight = WholeFlight(flights, ticket, house.answer, keeping.keep)
    flight.board()
    flight.start()
    await flight.wait()
    flight.leave()


async def test_it_is_kept() -> None:
    """The end waits for it."""
    flights, keeping = Flights(1000), Keeping()
    await _landing(flights, keeping)
    closing = asyncio.create_task(flights.close())
    await asyncio.sleep(EARLY_S)
    assert not closing.done()
    keeping.gate.set()
    async with asyncio.timeout(PATIENCE_S):
        await closing
    assert (keeping.kept, keeping.over, len(flights.running)) == (1, 1, 0)


async def test_a_store_that_hangs() -> None:
    """It holds up the end for a bounded time only, and what was held for the call is let go."""
    flights, keeping = Flights(1000), Keeping()
    await _landing(flights, keeping)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(LANDING_S + PATIENCE_S):
        await flights.close()
    assert loop.time() - began > LANDING_S - EARLY_S
    assert (keeping.kept, keeping.over, len(flights.running)) == (0, 1, 0)


async def test_nothing_lands() -> None:
    """Then the end waits for nothing."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await Flights(1000).close()
    assert loop.time() - began < LANDING_S / 2
