"""The place of this worker at Redis: its lease, its time, and who else is there."""

import asyncio
import logging
import secrets
from typing import Any, Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.domain.steady_time import SteadyTime
from llmproxy.infra.limiter.redis_scripts import LEASE, SCRIPTS
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisAway, RedisFailure
from llmproxy.infra.redis.line import Argument, Orphan, Reply, wired
from llmproxy.infra.redis.script import Script

logger = logging.getLogger("llmproxy")

LEASE_S: Final = 15
SLOW_S: Final = 1.0
"""Deadline of what is large and no call waits for."""


class NoLease(RedisAway):
    """Redis does not know this worker any more: it has to come back first."""


class Seat:
    """Runs scripts in the name of this worker.

    `generation` is another number after each interruption: what belonged to an earlier one has to
    be told again. A command that an earlier connection left behind is refused by its lease.
    """

    def __init__(self, client: RedisClient, prefix: str, clock: Clock, *, own_time: bool) -> None:
        self._client = client
        self._clock = clock
        self._own_time = own_time
        self._time = SteadyTime(clock.now, clock.monotonic)
        self._ahead_s = 0.0
        self._lease = ""
        self._opening = b""
        self.key = f"{{{prefix}}}".encode()
        self.worker = secrets.token_hex(8)
        self.generation = 0
        self.leased = False
        self.known_before = False
        self.peers: tuple[str, ...] = ()
        self._before: tuple[str, ...] = ()
        self._taken_at = 0.0
        client.load(*SCRIPTS)

    @property
    def up(self) -> bool:
        """Whether calls can be counted."""
        return self.leased and self._client.up

    @property
    def others(self) -> tuple[str, ...]:
        """The other workers that live, as far as is known, with those from before an interruption.

        A Redis that was emptied does not know of them.
        """
        return tuple({*self.peers, *self._before} - {self.worker})

    def lost(self) -> None:
        """Note that Redis is away, or does not know us: all has to be joined anew."""
        self.leased = False
        self.generation += 1

    def now(self) -> float:
        """Return Redis' time, as well as it is known; it never goes back."""
        now = self._time()
        return now if self._own_time else now + self._ahead_s

    def heard(self, time: bytes) -> float:
        """Take note of Redis' time and return it."""
        at = float(time)
        if not self._own_time:
            self._ahead_s = at - self._time()
        return at

    def run(
        self,
        script: Script,
        arguments: tuple[Argument, ...],
        *,
        orphan: Orphan | None = None,
        timeout_s: float | None = None,
    ) -> "asyncio.Future[Reply]":
        """Run a script; its reply is awaited. Raises RedisAway."""
        time: Argument = f"{self.now():.6f}" if self._own_time else b""
        return self._client.run(
            script,
            self.key,
            (time, self.worker, self._lease, *arguments),
            orphan=orphan,
            timeout_s=timeout_s,
        )

    def run_wired(
        self, script: Script, number: int, parts: bytes, *, orphan: Orphan
    ) -> "asyncio.Future[Reply]":
        """Run a script with so many arguments that are `wired` already. Raises RedisAway."""
        opening = self._opening
        if not opening or self._own_time:
            time = f"{self.now():.6f}" if self._own_time else ""
            opening = self._opening = wired((1, self.key, time, self.worker, self._lease))
        return self._client.run_wired(script, number + 5, opening + parts, orphan=orphan)

    def call(self, *command: Argument) -> "asyncio.Future[Reply]":
        """Send a plain command; its reply is awaited. Raises RedisAway."""
        return self._client.call(*command, timeout_s=SLOW_S)

    def name(self, *parts: str) -> bytes:
        """Return a key."""
        return b":".join([self.key, *[part.encode() for part in parts]])

    async def take(self) -> list[str]:
        """Take the seat anew; return the scopes that wait for this worker. Raises RedisFailure."""
        self._lease = secrets.token_hex(8)
        self._opening = b""
        return await self._say("new")

    async def keep(self) -> list[str]:
        """Renew the lease; return the scopes that wait for this worker. Raises RedisFailure."""
        return await self._say("")

    async def _say(self, new: str) -> list[str]:
        generation = self.generation
        reply = checked(await self.run(LEASE, (LEASE_S, new), timeout_s=SLOW_S))
        if generation != self.generation:
            raise NoLease("Redis went away meanwhile")
        self.heard(reply[1])
        known = tuple([each.decode() for each in reply[3]])
        now = self._clock.monotonic()
        if new:
            self.leased = True
            self._before = self.peers
            self._taken_at = now
        else:
            self.known_before = True
            if now - self._taken_at > LEASE_S:
                self._before = ()
        self.peers = known
        return [each.decode() for each in reply[2]]

    async def leave(self) -> None:
        """Give the seat back, with nothing held any more."""
        if not self.up:
            return
        own = self.worker
        try:
            await self.call("ZREM", self.name("workers"), own)
            await self.call(
                "DEL", self.name("w", own), self.name("joined", own), self.name("await", own)
            )
        except RedisFailure as error:
            logger.info("Redis: the seat was not given back (%s); it ends by itself", error)
        self.lost()


def checked(reply: Reply) -> list[Any]:
    """Return a script's reply. Raises NoLease."""
    if reply[0] == b"lease":
        raise NoLease("the lease has ended")
    found: list[Any] = reply
    return found
