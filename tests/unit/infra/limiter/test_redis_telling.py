"""What is told to Redis where more scopes have changed than one script tells."""

import asyncio
from typing import Any

import pytest

from llmproxy.application.interfaces.limiter import ScopeKind
from llmproxy.infra.limiter.redis_scope import Tracked
from llmproxy.infra.limiter.redis_telling import AT_ONCE, Telling

pytestmark = pytest.mark.asyncio
HERE = 7
"""The generation of the seat."""
STEP, ONE = 1, (1, 0, 0)
PATIENCE_S = 5.0


class Seat:
    """Keeps what is told, and answers when a test says so."""

    generation = HERE
    up = True

    def __init__(self) -> None:
        self.entries: list[int] = []
        self.told = asyncio.Event()
        self.out: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run(self, _: object, arguments: tuple[int, ...], **__: object) -> asyncio.Future[Any]:
        """Take a telling."""
        self.entries.append(arguments[0])
        self.told.set()
        self.out = asyncio.get_running_loop().create_future()
        return self.out

    def heard(self, time: bytes) -> None:
        """Nobody asks for the time."""

    def answer(self) -> None:
        """Say that all was taken."""
        self.out.set_result([b"told", b"1", *[b"ok"] * self.entries[-1]])


class Nobody:
    """No alerts are wanted, and no scope is lost."""

    def wants(self, _: Tracked) -> bool:
        """Nobody is told."""
        return False


class World:
    """A telling with its seat."""

    def __init__(self) -> None:
        self.seat = Seat()
        seat: Any = self.seat
        nobody: Any = Nobody()
        self.telling = Telling(seat, nobody, nobody, lambda: None)

    def give_back(self, number: int, *, generation: int = HERE, roomy: bool = False) -> None:
        """Let so many scopes have something to tell."""
        for each in range(number):
            tracked = Tracked(ScopeKind.KEY, f"{generation} {each}", "USD", ("file", 0))
            tracked.begin_telling(generation, {})
            tracked.roomy = roomy
            tracked.hold(STEP, ONE)
            tracked.give_back(STEP, ONE, generation)
            self.telling.changed(tracked)

    async def turns(self) -> None:
        """Let everything that is due at once happen; far less than what waits for others."""
        for _ in range(3):
            await asyncio.sleep(0)


async def test_the_rest_is_told_at_once() -> None:
    """Somebody may wait for one of those that the first script had no room for."""
    world = World()
    world.give_back(AT_ONCE + 1)
    await world.turns()
    assert world.seat.entries == [AT_ONCE]
    world.seat.answer()
    await world.turns()
    assert world.seat.entries == [AT_ONCE, 1]
    assert world.telling.sent == 2


@pytest.mark.parametrize("roomy", [True, False])
async def test_what_stands_behind_scopes_of_before(roomy: bool) -> None:  # noqa: FBT001
    """Those are joined anew, and not told; the others are, in their time."""
    world = World()
    world.give_back(AT_ONCE, generation=HERE - 1, roomy=roomy)
    world.give_back(1, roomy=roomy)
    async with asyncio.timeout(PATIENCE_S):
        await world.seat.told.wait()
    assert world.seat.entries == [1]
