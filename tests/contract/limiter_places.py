"""Limiters with what surrounds them: a journal, a clock, and somebody who is told of crossings.

Another kind of limiter joins with one more row in `PLACES`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.limiter import (
    Alerts,
    Crossing,
    Limiter,
    Reservation,
    Scope,
    ScopeKind,
    Used,
)
from llmproxy.domain.errors import BudgetSpent, RateLimited
from llmproxy.domain.limit import RULE_FIELDS, Limits, Rule
from llmproxy.domain.secret import Secret
from llmproxy.infra.limiter.memory import MemoryLimiter
from llmproxy.infra.limiter.rebuilding import BOUNDS, Bounds
from llmproxy.infra.limiter.redis import RedisLimiter
from llmproxy.infra.limiter.redis_room import RedisOptions
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from tests.fakes.past import FakePast
from tests.fakes.stepped_clock import SteppedClock
from tests.redis_server import RedisServer, running

MAX_IN_FLIGHT = 1_000


class Heard(Alerts):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.crossings: list[Crossing] = []

    @override
    def crossed(self, crossing: Crossing) -> None:
        self.crossings.append(crossing)


class Place(ABC):
    """A limiter; calls are settled as the gateway does it: the journal first.

    Who was `asked` last is the lane that is held, unless the call says otherwise or no one was.
    """

    limiter: Limiter
    past: FakePast
    heard: Heard

    def settle(self, held: Reservation, used: Used, *, asked: bool = True) -> None:
        """Write the line and settle."""
        lane = held.lanes[held.lane] if held.lanes else None
        if asked and lane is not None:
            held.deployment = lane.name
        self.past.closed(held, used)
        self.limiter.settle(held, used)

    async def settled(self) -> None:
        """Wait until what follows a settlement by itself has happened."""
        await asyncio.sleep(0)

    @abstractmethod
    def now(self) -> float:
        """Return the limiter's time."""

    @abstractmethod
    async def restart(self) -> None:
        """Make the limiter anew, with the same journal; calls in flight are forgotten."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Let time pass at once."""


class InMemory(Place):
    """The limiter of one worker."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.clock = SteppedClock()
        self.past = FakePast()
        self._bounds = bounds
        self._make()

    def _make(self) -> None:
        self.heard = Heard()
        self.limiter = MemoryLimiter(
            self.clock, self.past, self.heard, max_in_flight=MAX_IN_FLIGHT, bounds=self._bounds
        )

    @override
    def now(self) -> float:
        return self.clock.now()

    @override
    async def restart(self) -> None:
        self._make()

    @override
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[Place]:
    """The memory adapter."""
    del folder
    yield InMemory()


class InRedis(Place):
    """The limiter of several workers, over a real Redis; its time is the clock's."""

    def __init__(self, server: RedisServer) -> None:
        self.clock = SteppedClock()
        self.past = FakePast()
        self.server = server
        self.client: RedisClient | None = None
        self.redis: RedisLimiter | None = None

    async def make(self) -> None:
        """Connect a limiter."""
        self.heard = Heard()
        client = self.client = RedisClient(read_address(Secret(self.server.url)), timeout_s=1.0)
        options = RedisOptions(MAX_IN_FLIGHT, own_time=True, gather_s=0.0)
        limiter = RedisLimiter(client, self.clock, self.past, self.heard, options)
        self.limiter = self.redis = limiter
        client.start()
        await limiter.start()

    async def close(self) -> None:
        """Let go of it."""
        if self.redis is not None and self.client is not None:
            await self.redis.close()
            await self.client.close()

    @override
    def now(self) -> float:
        return self.clock.now()

    @override
    async def settled(self) -> None:
        await asyncio.sleep(0)
        if self.redis is not None:
            await self.redis.drain()

    @override
    async def restart(self) -> None:
        await self.close()
        self.server.command("FLUSHALL")
        await self.make()

    @override
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@asynccontextmanager
async def in_redis(folder: Path) -> AsyncIterator[Place]:
    """The adapter over Redis."""
    with running(folder / "redis") as server:
        place = InRedis(server)
        await place.make()
        try:
            yield place
        finally:
            await place.close()


Make = Callable[[Path], AbstractAsyncContextManager[Place]]
PLACES: list[Make] = [in_memory, in_redis]


def limits(
    *, currency: str = "USD", at_once: int | None = None, alerts: tuple[int, ...] = (), **most: int
) -> Limits:
    """Make limits of a document's words, such as `requests_per_minute=3`; costs in nano-units."""
    rules = tuple(Rule(*RULE_FIELDS[word], amount) for word, amount in most.items())
    return Limits(rules, at_once, currency, alerts)


def key(own: Limits, name: str = "k1") -> Scope:
    """Return the scope of a key."""
    return Scope(ScopeKind.KEY, name, own)


def project(own: Limits, name: str = "alpha") -> Scope:
    """Return the scope of a project."""
    return Scope(ScopeKind.PROJECT, name, own)


def model(own: Limits, name: str = "gpt") -> Scope:
    """Return the scope of a model."""
    return Scope(ScopeKind.MODEL, name, own)


def deployment(own: Limits, name: str) -> Scope:
    """Return the scope of a deployment."""
    return Scope(ScopeKind.DEPLOYMENT, name, own)


def call(
    *scopes: Scope,
    cost: int = 0,
    tokens: int = 0,
    currency: str = "USD",
    lanes: tuple[Scope | None, ...] = (),
) -> Reservation:
    """Return a call of key k1 in project alpha to the model gpt."""
    names = {scope.kind: scope.name for scope in scopes}
    return Reservation(
        names.get(ScopeKind.KEY, "k1"),
        names.get(ScopeKind.PROJECT, "alpha"),
        names.get(ScopeKind.MODEL, "gpt"),
        currency,
        cost,
        tokens,
        scopes,
        lanes,
    )


async def standing_of(place: Place, held: Reservation) -> dict[str, tuple[int, int]]:
    """Return what is used and held, by the scope and the field of its limits."""
    await place.settled()
    standing = await place.limiter.standing(held)
    return {
        f"{each.scope} {each.setting}": (each.used, each.held)
        for each in standing.limits
        if each.scope != "worker"
    }


async def refused(place: Place, held: Reservation) -> RateLimited | BudgetSpent:
    """Return the refusal of a call."""
    with pytest.raises((RateLimited, BudgetSpent)) as raised:
        await place.limiter.reserve(held)
    return raised.value
