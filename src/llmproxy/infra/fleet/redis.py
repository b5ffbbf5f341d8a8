"""Breakers and rests of all workers, in one hash of Redis.

A field is the id of a document, its value `state until told`: the times are unix seconds by the
clock of whoever told it, so workers' clocks should agree to a second or so. What one worker finds
the others know within two seconds. Redis away: each goes by what it finds itself, as without Redis.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from llmproxy.application.routing.ward import Change, State
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisFailure

logger = logging.getLogger("llmproxy")

EVERY_S: Final = 1.0
MAX_WAITING: Final = 10_000
"""Documents with news that Redis has not got yet; the news of more are not told."""
FORGET_S: Final = 120.0
"""So long after its end, or its telling, an entry is deleted by whoever sees it."""
KEEP_MS: Final = 3_600_000
"""The hash goes away by itself when nobody writes any more."""


class RedisSharing:
    """Tells what this worker finds and has it `hear` what others have found.

    `now` gives unix seconds.
    """

    def __init__(
        self,
        client: RedisClient,
        prefix: str,
        hear: Callable[[Change], None],
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._key = f"{prefix}:deployments".encode()
        self._hear = hear
        self._now = now
        self._waiting: dict[str, bytes] = {}
        self._known: dict[bytes, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self._told = self._heard = self._dropped = 0

    def tell(self, change: Change) -> None:
        """Have it told; returns at once."""
        if change.deployment in self._waiting or len(self._waiting) < MAX_WAITING:
            value = f"{change.state} {change.until:.3f} {self._now():.3f}"
            self._waiting[change.deployment] = value.encode()
        else:
            self._dropped += 1

    def counts(self) -> dict[str, int]:
        """Return figures for metrics."""
        return {
            "told": self._told,
            "heard": self._heard,
            "dropped": self._dropped,
            "waiting": len(self._waiting),
        }

    def start(self) -> None:
        """Tell and hear once a second, in the background."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Stop; closing twice is fine."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _keep(self) -> None:
        while True:
            try:
                await self.exchange()
            except RedisFailure as error:
                logger.debug("the state of deployments is not shared now: %s", error)
            except Exception:
                logger.exception("the state of deployments could not be shared")
            await asyncio.sleep(EVERY_S)

    async def exchange(self) -> None:
        """Tell what waits, then hear what there is. Raises RedisFailure."""
        waiting = dict(self._waiting)
        if waiting:
            fields = [part for name, value in waiting.items() for part in (name.encode(), value)]
            await self._client.call(b"HSET", self._key, *fields)
            await self._client.call(b"PEXPIRE", self._key, KEEP_MS)
            for name, value in waiting.items():
                self._known[name.encode()] = value
                if self._waiting.get(name) == value:
                    del self._waiting[name]
            self._told += len(waiting)
        reply = await self._client.call(b"HGETALL", self._key)
        parts = reply if isinstance(reply, list) else []
        found = dict(zip(parts[::2], parts[1::2], strict=False))
        gone = [name for name, value in found.items() if self._take(name, value)]
        self._known = found
        if gone:
            await self._client.call(b"HDEL", self._key, *gone)

    def _take(self, name: bytes, value: bytes) -> bool:
        """Hear of an entry that is new; return whether it has served its time."""
        try:
            state, until_text, told_text = value.decode().split(" ")
            until, told = float(until_text), float(told_text)
            change = Change(name.decode(), State(state), until)
        except ValueError:
            return True  # nothing that a gateway has written
        over = self._now() > max(until, told) + FORGET_S
        if not over and self._known.get(name) != value and change.deployment not in self._waiting:
            self._heard += 1
            self._hear(change)
        return over
