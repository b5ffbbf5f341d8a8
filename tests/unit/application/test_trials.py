"""A call for which nobody is left waits for another call that tries one of them right now."""

import asyncio
from collections.abc import Callable

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.retry_budget import MAX_WAITING
from llmproxy.application.routing.ward import Change, State
from llmproxy.application.steps.walk import MAX_LOOKS
from llmproxy.domain.errors import Broken
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import deployment
from tests.unit.application.scripted import Scripted, ask, told

pytestmark = pytest.mark.asyncio

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
PAUSES = [0.05, 0.1, 0.2]
LOOKS = len(PAUSES)


class Gated(Scripted):
    """Answers no earlier than the gate is open."""

    def __init__(self, clock: FakeClock, *replies: object) -> None:
        super().__init__(clock, *replies)
        self.takes_s = 0.0
        self.gate = asyncio.Event()
        self.gate.set()

    @override
    async def _take(self, call_: object) -> None:
        await super()._take(call_)
        await self.gate.wait()


class Rooms(FakeRooms):
    """`meanwhile` happens in the third pause."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    @override
    async def _pause(self, seconds: float) -> None:
        await super()._pause(seconds)
        if len(self.pauses) == LOOKS:
            self.meanwhile()
        for _ in range(5):
            await asyncio.sleep(0)


class Storm:
    """`well` has recovered and is behind an open breaker; `down` fails, and so does the stand-in.

    Nothing may be retried: the storm has taken the whole budget.
    """

    def __init__(self) -> None:
        clock = self.clock = FakeClock()
        self.well = Gated(clock)
        self.down, spare = Gated(clock, Broken("down")), Gated(clock, Broken("spare"))
        self.rooms = Rooms(clock, *self.deployments(spare))
        self.rooms.fleet.health(self.rooms.registry.snapshot.deployments[1])
        self.rooms.fleet.hear(Change("well", State.OPEN, clock.now() + 60.0))
        clock.advance(1.0)
        budget = self.rooms.fleet.budget("mini")
        while budget.take():
            pass

    def deployments(self, spare: Scripted) -> list[Deployment]:
        """In the order in which they are asked."""
        return [
            deployment(self.down, id="down", code="mini", fallbacks=["b"], routing={"retries": 0}),
            deployment(self.well, id="well", code="mini"),
            deployment(spare, id="b", code="b"),
        ]

    async def tried(self) -> "asyncio.Task[str]":
        """A call that tries the one behind the breaker, and waits for its answer."""
        self.well.gate.clear()
        trial = asyncio.create_task(ask(self.rooms, self.clock))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(self.well.calls) == 1
        return trial


@STREAM
async def test_a_trial_that_goes_well_is_waited_for(*, stream: bool) -> None:
    """Then all who wait are answered, and nothing is taken of the budget."""
    storm = Storm()
    trial = await storm.tried()
    storm.rooms.meanwhile = storm.well.gate.set
    assert await ask(storm.rooms, storm.clock, stream=stream) == "well"
    assert storm.rooms.pauses == pytest.approx(PAUSES)
    assert told(storm.rooms) == [
        ("down", "upstream_error"), ("b", "upstream_error"), ("well", None),
    ]  # fmt: skip
    assert await trial == "well"
    assert storm.rooms.limiter.held == []


@STREAM
async def test_a_trial_that_fails_is_the_end(*, stream: bool) -> None:
    """Nobody else asks that one: an outage is not multiplied."""
    storm = Storm()
    storm.well.replies = [Broken("still")]
    trial = await storm.tried()
    storm.rooms.meanwhile = storm.well.gate.set
    with pytest.raises(Broken):
        await ask(storm.rooms, storm.clock, stream=stream)
    assert storm.rooms.pauses == pytest.approx(PAUSES)
    assert len(storm.well.calls) == 1
    with pytest.raises(Broken):
        await trial


@pytest.mark.parametrize(("silence_s", "looks"), [(None, MAX_LOOKS), (1.0, 4)])
async def test_a_trial_that_hangs_is_not_waited_for_long(
    silence_s: float | None, looks: int
) -> None:
    """For ten seconds, and not longer than the client waits."""
    storm = Storm()
    trial = await storm.tried()
    with pytest.raises(Broken):
        await ask(storm.rooms, storm.clock, silence_s=silence_s)
    assert len(storm.rooms.pauses) == pytest.approx(looks, abs=1)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)


@STREAM
async def test_who_has_recovered_since_is_asked(*, stream: bool) -> None:
    """It was unwell when the call was admitted: that is no reason to leave it out now."""
    storm = Storm()
    storm.down.gate.clear()
    asked = asyncio.create_task(ask(storm.rooms, storm.clock, stream=stream))
    for _ in range(5):
        await asyncio.sleep(0)
    storm.rooms.fleet.hear(Change("well", State.CLOSED, 0.0))
    storm.down.gate.set()
    assert await asked == "well"
    assert told(storm.rooms) == [("down", "upstream_error"), ("well", None)]


async def test_few_wait() -> None:
    """The next one is told its failure at once; who waits is counted, and none is in the end."""
    storm = Storm()
    trial = await storm.tried()
    storm.rooms.fleet.budget("mini").waiting = MAX_WAITING
    with pytest.raises(Broken):
        await ask(storm.rooms, storm.clock)
    assert storm.rooms.pauses == []
    storm.rooms.fleet.budget("mini").waiting = 0
    seen: list[float] = []

    def meanwhile() -> None:
        seen.append(storm.rooms.fleet.figures()["waiting"])
        storm.well.gate.set()

    storm.rooms.meanwhile = meanwhile
    assert await ask(storm.rooms, storm.clock) == "well"
    assert seen == [1.0]
    assert storm.rooms.fleet.figures()["waiting"] == 0
    await trial


async def test_nobody_waits_where_none_is_tried() -> None:
    """A failure is told at once."""
    storm = Storm()
    storm.well.replies = [Broken("still")]
    storm.clock.advance(-0.9)  # too early for a trial
    with pytest.raises(Broken):
        await ask(storm.rooms, storm.clock)
    assert storm.rooms.pauses == []
