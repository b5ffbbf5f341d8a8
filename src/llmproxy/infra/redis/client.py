"""Redis over one connection that is opened again by itself.

Why not redis-py: measured with 64 commands in flight at a local Redis (`EVALSHA` with 40 arguments,
uvloop, redis-py 8.1 with hiredis and a pool of 64 connections), CPU of this process per round trip:
184 to 202 µs there, 10 to 11 µs here, while limits, ledger and cache together may cost a request
150 µs. There each command takes a connection, a lock and a timeout of its own; here the commands of
one turn of the loop leave in one write, and one timer watches all of them.

While Redis is away a command fails at once: nobody waits for a connection.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from llmproxy.infra.redis.address import Address
from llmproxy.infra.redis.errors import RedisAway, RedisFailure, RedisFull
from llmproxy.infra.redis.line import Argument, Line, Orphan, Reply, Waiting, packed, wired
from llmproxy.infra.redis.script import Script

logger = logging.getLogger("llmproxy")

TIMEOUT_S: Final = 0.05
OPEN_TIMEOUT_S: Final = 1.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
MAX_WAITING: Final = 10_000
NAME: Final = "llmproxy"


class RedisClient:
    """Commands and scripts over one connection at a time."""

    def __init__(
        self,
        address: Address,
        *,
        timeout_s: float = TIMEOUT_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._address = address
        self._scripts: list[Script] = []
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._came = asyncio.Event()
        self._said = ""
        self._closing = False
        self._when_up: list[Callable[[], None]] = []
        self._when_down: list[Callable[[], None]] = []
        self._commands = self._failed = self._opened = 0

    @property
    def up(self) -> bool:
        """Whether commands can be sent."""
        return self._line is not None and not self._line.slow

    @property
    def place(self) -> str:
        """Where Redis is, without a password."""
        return self._address.place

    @property
    def problem(self) -> str:
        """Why there is no connection, as it was logged; empty while there is one."""
        return self._said

    def counts(self) -> dict[str, int]:
        """Return figures for metrics."""
        line = self._line
        return {
            "up": int(self.up),
            "commands": self._commands,
            "failed": self._failed,
            "connections": self._opened,
            "waiting": 0 if line is None else len(line.waiting),
        }

    def load(self, *scripts: Script) -> None:
        """Have scripts loaded with every new connection; before `start`."""
        self._scripts.extend(each for each in scripts if each not in self._scripts)

    def watch(self, up: Callable[[], None], down: Callable[[], None]) -> None:
        """Have these called within the loop whenever Redis comes and goes."""
        self._when_up.append(up)
        self._when_down.append(down)

    def start(self) -> None:
        """Open the connection in the background, and again whenever it is lost."""
        if self._keeping is None:
            self._keeping = self._loop.create_task(self._keep())

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait for the connection; return whether it is there."""
        try:
            await asyncio.wait_for(self._came.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Let go of the connection; closing twice is fine."""
        self._closing = True
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
        if self._line is not None:
            self._line.drop("the gateway stops")

    def call(
        self, *command: Argument, timeout_s: float | None = None, later: bool = False
    ) -> "asyncio.Future[Reply]":
        """Send a command; the reply is awaited. Raises RedisAway at once while there is none.

        `later` lets it wait some milliseconds for others to go with, unless they `hurry`.
        """
        return self._send(packed(command), None, None, timeout_s, later=later)

    def hurry(self) -> None:
        """Let go what waits for others to go with."""
        if self._line is not None:
            self._line.hurry()

    def run(
        self,
        script: Script,
        key: bytes,
        arguments: tuple[Argument, ...],
        *,
        orphan: Orphan | None = None,
        timeout_s: float | None = None,
    ) -> "asyncio.Future[Reply]":
        """Run a script with one key.

        `orphan` takes the reply when whoever awaited it was cancelled. Raises as `call`.
        """
        command = packed((b"EVALSHA", script.name, 1, key, *arguments))

        def again() -> bytes:
            return packed((b"EVAL", script.text, 1, key, *arguments))

        return self._send(command, again, orphan, timeout_s)

    def run_wired(
        self, script: Script, number: int, parts: bytes, *, orphan: Orphan | None = None
    ) -> "asyncio.Future[Reply]":
        """Run a script with parts that are `wired` already: the number of keys, keys, arguments.

        `number` is how many these are. Raises as `call`.
        """
        command = b"*%d\r\n%b%b" % (number + 2, script.call, parts)

        def again() -> bytes:
            return b"*%d\r\n%b%b" % (number + 2, wired((b"EVAL", script.text)), parts)

        return self._send(command, again, orphan, None)

    def _send(
        self,
        command: bytes,
        again: Callable[[], bytes] | None,
        orphan: Orphan | None,
        timeout_s: float | None,
        *,
        later: bool = False,
    ) -> "asyncio.Future[Reply]":
        line = self._line
        if line is None or line.slow:
            raise RedisAway("Redis is away")
        if len(line.waiting) >= self._max_waiting:
            raise RedisFull("too many commands wait for Redis")
        self._commands += 1
        loop = self._loop
        future = loop.create_future()
        deadline = loop.time() + (self._timeout_s if timeout_s is None else timeout_s)
        line.send(command, Waiting(future, deadline, again, orphan), later=later)
        return future

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._open()
            except (OSError, RedisFailure) as error:
                self._say(f"cannot be reached: {error}")
            else:
                pause_s = FIRST_PAUSE_S
                await self._gone.wait()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _open(self) -> None:
        """Open a connection and make it ready. Raises OSError or RedisFailure."""
        line = Line(self._loop, self._lost, self._timeout_s)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._dial(line)
                await self._greet(line)
        except BaseException:
            line.drop("it could not be opened")
            raise
        if line.broken:
            raise RedisAway("the connection broke at once")
        self._line = line
        self._opened += 1
        self._gone.clear()
        self._came.set()
        self._say("")
        for each in self._when_up:
            each()

    async def _dial(self, line: Line) -> None:
        address = self._address
        if address.path:
            await self._loop.create_unix_connection(lambda: line, address.path)
            return
        context = ssl.create_default_context() if address.tls else None
        await self._loop.create_connection(lambda: line, address.host, address.port, ssl=context)

    async def _greet(self, line: Line) -> None:
        """Say who we are; raises RedisRefused when that is not good enough."""
        address = self._address
        commands: list[tuple[Argument, ...]] = []
        if address.password is not None:
            who = () if address.user is None else (address.user,)
            commands.append(("AUTH", *who, address.password.expose()))
        commands.append(("SELECT", address.database))
        commands.extend(("SCRIPT", "LOAD", script.text) for script in self._scripts)
        futures = []
        for command in commands:
            future = self._loop.create_future()
            deadline = self._loop.time() + OPEN_TIMEOUT_S
            line.send(packed(command), Waiting(future, deadline, None, None))
            futures.append(future)
        named = self._loop.create_future()  # an account may not be allowed to: it is a courtesy
        name = packed(("CLIENT", "SETNAME", NAME))
        line.send(name, Waiting(named, self._loop.time() + OPEN_TIMEOUT_S, None, None))
        for outcome in await asyncio.gather(*futures, named, return_exceptions=True):
            if isinstance(outcome, RedisAway):
                raise outcome
        for future in futures:
            future.result()

    def _lost(self, line: Line) -> None:
        self._failed += len(line.waiting)
        if line is not self._line:
            return
        self._line = None
        self._came.clear()
        self._gone.set()
        if not self._closing:
            self._say(line.why)
        for each in self._when_down:
            each()

    def _say(self, problem: str) -> None:
        """Tell of a change once; never the address, which may hold a password."""
        if problem and not self._said:
            logger.warning("Redis at %s: %s", self.place, problem)
        elif self._said and not problem:
            logger.warning("Redis at %s is back", self.place)
        self._said = problem
