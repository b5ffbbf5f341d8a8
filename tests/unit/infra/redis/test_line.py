"""When commands leave: alone at once, together in one write, or with the next one."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from llmproxy.infra.redis.line import LATER_S, Line, Waiting

pytestmark = pytest.mark.asyncio
PATIENCE_S = 5.0


class _Transport(asyncio.Transport):
    """Notes what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.wrote = asyncio.Event()

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.wrote.set()

    @override
    def abort(self) -> None:
        """Nothing is left to close."""


class _World:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.line = Line(self.loop, lambda _: None, 1.0)
        self.transport = _Transport()
        self.line.connection_made(self.transport)

    def send(self, command: bytes, *, later: bool = False) -> "asyncio.Future[Any]":
        """Send a command that has long to be answered."""
        future = self.loop.create_future()
        waiting = Waiting(future, self.loop.time() + 60.0, None, None)
        self.line.send(command, waiting, later=later)
        return future

    @property
    def written(self) -> list[bytes]:
        """All writes."""
        return self.transport.written


async def test_one_alone_leaves_at_once() -> None:
    """With nothing on its way there is nothing to wait for; then those of a turn leave together."""
    world = _World()
    world.send(b"a")
    assert world.written == [b"a"]
    world.send(b"b")
    world.send(b"c")
    assert world.written == [b"a"]
    await asyncio.sleep(0)
    assert world.written == [b"a", b"bc"]


async def test_when_all_is_answered_it_is_alone_again() -> None:
    """The replies come in their order."""
    world = _World()
    first = world.send(b"a")
    world.line.data_received(b":1\r\n")
    second = world.send(b"b")
    assert world.written == [b"a", b"b"]
    world.line.data_received(b":2\r\n")
    assert (first.result(), second.result()) == (1, 2)


async def test_later_goes_with_the_next_one() -> None:
    """In front of it, and the replies are told apart."""
    world = _World()
    kept = world.send(b"k", later=True)
    assert world.written == []
    asked = world.send(b"a")
    assert world.written == [b"ka"]
    world.line.data_received(b":1\r\n:2\r\n")
    assert (kept.result(), asked.result()) == (1, 2)


async def test_later_is_not_never() -> None:
    """Without a next one it leaves after a few milliseconds, once."""
    world = _World()
    world.send(b"k", later=True)
    world.send(b"l", later=True)
    async with asyncio.timeout(PATIENCE_S):
        await world.transport.wrote.wait()
    assert world.written == [b"kl"]
    await asyncio.sleep(3 * LATER_S)
    assert world.written == [b"kl"]


async def test_somebody_is_in_a_hurry() -> None:
    """What was held back leaves; with nothing held back nothing does."""
    world = _World()
    world.send(b"k", later=True)
    world.line.hurry()
    world.line.hurry()
    assert world.written == [b"k"]
    world.send(b"b")
    world.send(b"l", later=True)
    world.line.hurry()
    await asyncio.sleep(0)
    assert world.written == [b"k", b"bl"]


async def test_a_line_that_is_dropped_sends_nothing_more() -> None:
    """What was held back fails like all that waits."""
    world = _World()
    kept = world.send(b"k", later=True)
    world.line.drop("gone")
    await asyncio.sleep(3 * LATER_S)
    assert world.written == []
    assert kept.exception() is not None
