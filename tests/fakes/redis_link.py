"""Redis behind a link of 1 Gbit/s or less; time passes only while nothing else is to be done.

So what a command waits for is measured exactly, however busy the machine is.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import hiredis
from typing_extensions import override

from llmproxy.domain.secret import Secret
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient

GBIT = 125_000_000
"""Bytes that 1 Gbit/s carries in a second."""
SEGMENT_BYTES = 16 * 1024
Result = TypeVar("Result")


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: the time is up at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    @override
    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing will ever happen any more")
        self.now += max(timeout, 0.0)
        return super().select(0)


class LinkedLoop(asyncio.SelectorEventLoop):
    """Its only connections are those to `redis`."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        self.redis = LinkedRedis(self)

    @override
    def time(self) -> float:
        return self._skipping.now

    @override
    async def create_connection(self, factory: Any, *_: Any, **__: Any) -> Any:
        protocol = factory()
        protocol.connection_made(_Connection(self.redis, protocol))


class _Pipe:
    """One direction of a connection."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self.waiting = bytearray()
        self.deliver = deliver


class _Direction:
    """Connections take turns, segment by segment."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.bytes_per_s = GBIT
        self._loop = loop
        self._turns: deque[_Pipe] = deque()
        self._busy = False

    def send(self, pipe: _Pipe, data: bytes) -> None:
        if not pipe.waiting:
            self._turns.append(pipe)
        pipe.waiting += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        self._busy = bool(self._turns)
        if self._busy:
            pipe = self._turns.popleft()
            segment = bytes(pipe.waiting[:SEGMENT_BYTES])
            self._loop.call_later(len(segment) / self.bytes_per_s, self._arrived, pipe, segment)

    def _arrived(self, pipe: _Pipe, segment: bytes) -> None:
        del pipe.waiting[: len(segment)]
        if pipe.waiting:
            self._turns.append(pipe)
        self._next()
        pipe.deliver(segment)


class LinkedRedis:
    """Knows GET, SET and SET with NX GET, and holds whatever a script asks for, all at once.

    A key of `lost` is not set, though Redis says so.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.up, self.down = _Direction(loop), _Direction(loop)
        self.values: dict[bytes, bytes] = {}
        self.lost: set[bytes] = set()
        self.connections = 0

    def answer(self, command: list[bytes]) -> bytes:
        """Return the reply to a command."""
        if command[0] == b"EVALSHA":
            return b"*1\r\n$4\r\nheld\r\n"
        if command[0] not in (b"GET", b"SET"):
            return b"+OK\r\n"
        found = self.values.get(command[1])
        claims = b"NX" in command
        if command[0] == b"SET" and command[1] not in self.lost and not (claims and found):
            self.values[command[1]] = command[2]
        if command[0] == b"SET" and not claims:
            return b"+OK\r\n"
        return b"$-1\r\n" if found is None else b"$%d\r\n%b\r\n" % (len(found), found)


class _Connection(asyncio.Transport):
    def __init__(self, redis: LinkedRedis, protocol: asyncio.Protocol) -> None:
        super().__init__()
        redis.connections += 1
        self._redis = redis
        self._reader = hiredis.Reader(notEnoughData=...)
        self._up, self._down = _Pipe(self._heard), _Pipe(protocol.data_received)

    def _heard(self, segment: bytes) -> None:
        self._reader.feed(segment)
        while (command := self._reader.gets()) is not ...:
            self._redis.down.send(self._down, self._redis.answer(command))

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._redis.up.send(self._up, bytes(data))

    @override
    def abort(self) -> None:
        """Nothing is left to close."""


async def connected(timeout_s: float) -> RedisClient:
    """Return a client that is connected, in a `LinkedLoop`."""
    client = RedisClient(read_address(Secret("redis://linked")), timeout_s=timeout_s)
    client.start()
    assert await client.wait_up(1.0)
    return client


def linked(test: Callable[[LinkedRedis], Coroutine[Any, Any, Result]]) -> Result:
    """Run a test in a loop of its own."""
    loop = LinkedLoop()
    try:
        return loop.run_until_complete(test(loop.redis))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
