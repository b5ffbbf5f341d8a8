"""The gateway ends while an answer, which everybody has, is being kept."""

import asyncio

import pytest

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Marks, Source
from llmproxy.application.use_cases.replayed.cached import Upstream
from llmproxy.application.use_cases.replayed.flights import LANDING_S, Flights, WholeFlight
from llmproxy.domain.errors import Unavailable
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import call
from tests.unit.application.replayed.house import open_house

pytestmark = pytest.mark.asyncio
PATIENCE_S = 5.0
EARLY_S = 0.05


class Keeping(Source):
    """A source, and a place that keeps its answer when its gate is open."""

    keeps = True
    holds = True

    def __init__(self) -> None:
        self.house = open_house()
        self.gate = asyncio.Event()
        self.kept = 0
        self.ended = 0

    async def answer(self, _admission: Admission | None) -> Whole:
        """Answer at once."""
        return await self.house.answer()

    def keep(self, *_answered: object) -> "asyncio.Future[None]":
        """Keep it."""
        return asyncio.ensure_future(self._keep())

    async def _keep(self) -> None:
        await self.gate.wait()
        self.kept += 1

    async def over(self) -> None:
        """The flight is over."""
        self.ended += 1


async def _landing(flights: Flights, keeping: Keeping) -> None:
    """Return when an answer has been given, and is being kept."""
    marks = Marks((), (), ())
    shape = Shape(Form.WHOLE)
    asked = Asked(call(FakeClock()), b"key", "question", shape, 60.0, marks)
    flight = WholeFlight(flights, asked, keeping, None, keeping.keep)
    flight.board()
    flight.start()
    await flight.arrival()
    flight.answer()
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
    assert (keeping.kept, keeping.ended, len(flights.running)) == (1, 1, 0)


async def test_a_store_that_hangs() -> None:
    """It holds up the end for a bounded time only, and what was held for the call is let go."""
    flights, keeping = Flights(1000), Keeping()
    await _landing(flights, keeping)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(LANDING_S + PATIENCE_S):
        await flights.close()
    assert loop.time() - began > LANDING_S - EARLY_S
    assert (keeping.kept, keeping.ended, len(flights.running)) == (0, 1, 0)


async def test_one_that_has_not_taken_its_first_step() -> None:
    """What it was given is settled all the same, and who waits is told."""
    flights, house = Flights(1000), open_house()
    house.provider.gate.clear()
    asked = Asked(house.call(), b"key", "question", Shape(Form.WHOLE), 60.0, Marks((), (), ()))
    source = Upstream(house.cached._rooms, asked.call)
    flight = WholeFlight(flights, asked, source, await source.admit(), Keeping().keep)
    flight.board()
    flight.start()
    told = flight.arrival()
    async with asyncio.timeout(PATIENCE_S):
        await flights.close()
    assert told.done()
    with pytest.raises(Unavailable, match="stopping"):
        flight.answer()
    assert (len(flights.running), len(flights.boarding)) == (0, 0)
    house.check_books()


async def test_nothing_lands() -> None:
    """Then the end waits for nothing."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await Flights(1000).close()
    assert loop.time() - began < LANDING_S / 2
