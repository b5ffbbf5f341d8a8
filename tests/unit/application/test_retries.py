"""Which deployment is asked again: what it answers to others counts, and nobody is asked only."""

import pytest

from llmproxy.domain.errors import Broken, GatewayError, OwnFault, Refused, TimedOut
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import deployment, good_reply
from tests.unit.application.scripted import Scripted, ask, told

pytestmark = pytest.mark.asyncio


class Meanwhile(Scripted):
    """While it is asked, another deployment answers a call of somebody else."""

    def __init__(self, clock: FakeClock, *replies: object) -> None:
        super().__init__(clock, *replies)
        self.rooms: FakeRooms | None = None
        self.other = 0

    async def _take(self, call_: object) -> None:  # type: ignore[override]
        await super()._take(call_)
        if self.rooms is not None:
            health = self.rooms.fleet.health(self.rooms.registry.snapshot.deployments[self.other])
            health.began()
            health.answered(0.1)


def _rooms(clock: FakeClock, *providers: Scripted, **routing: object) -> FakeRooms:
    rooms = FakeRooms(
        clock,
        *(
            deployment(each, id=f"m-{place}", code="mini", priority=place, routing=routing)
            for place, each in enumerate(providers, 1)
        ),
    )
    for each in providers:
        if isinstance(each, Meanwhile):
            each.rooms = rooms
    return rooms


@pytest.mark.parametrize("error", [TimedOut("late"), OwnFault("ours")], ids=["late", "own"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_who_has_answered_others_since(error: GatewayError, *, stream: bool) -> None:
    """Is asked again, and before those that only failed: it is well by now."""
    clock = FakeClock()
    late = Scripted(clock, error, good_reply())
    rooms = _rooms(clock, late, Meanwhile(clock, Broken("down")))
    assert await ask(rooms, clock, stream=stream) == "m-1"
    assert [name for name, _ in told(rooms)] == ["m-1", "m-2", "m-1"]


async def test_who_has_not() -> None:
    """Is not: what was waited for in vain is not waited for twice."""
    clock = FakeClock()
    late = Scripted(clock, TimedOut("late"))
    rooms = _rooms(clock, late, Scripted(clock, Broken("down")))
    with pytest.raises(GatewayError):
        await ask(rooms, clock)
    assert [name for name, _ in told(rooms)] == ["m-1", "m-2", "m-2", "m-2"]


async def test_not_for_ever() -> None:
    """It may be this very request that it does not answer."""
    clock = FakeClock()
    late = Scripted(clock, TimedOut("late"))
    rooms = _rooms(clock, late, Meanwhile(clock, Broken("down")), retries=4)
    with pytest.raises(GatewayError):
        await ask(rooms, clock)
    assert len(late.calls) == 2


async def test_a_refusal_stands() -> None:
    """Whatever it answers to others."""
    clock = FakeClock()
    wrong = Refused("Wrong.", status=400, error={"code": "invalid_value"})
    rooms = _rooms(clock, Meanwhile(clock, Broken("down")), Scripted(clock, wrong))
    with pytest.raises(Refused):
        await ask(rooms, clock)
    assert [name for name, _ in told(rooms)] == ["m-1", "m-2"]


async def test_in_turn() -> None:
    """Of those that may be asked again none is asked twice before another was asked once."""
    clock = FakeClock()
    rooms = _rooms(clock, *(Scripted(clock, Broken("down")) for _ in range(3)), retries=3)
    with pytest.raises(Broken):
        await ask(rooms, clock)
    assert [name for name, _ in told(rooms)] == ["m-1", "m-2", "m-3"] * 2
