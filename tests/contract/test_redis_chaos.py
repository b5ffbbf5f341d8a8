"""Calls of random sizes at several workers, while Redis is killed, frozen and emptied."""

import asyncio
import random

import pytest

from llmproxy.application.interfaces.limiter import Used
from llmproxy.domain.errors import GatewayError
from tests.contract.limiter_places import call, key, limits, project
from tests.contract.redis_world import Worker, World, seen
from tests.redis_server import RedisServer

pytestmark = pytest.mark.asyncio

SCOPES = (
    key(limits(cost_total=3_000)),
    project(limits(cost_per_month=2_500, tokens_total=10**6)),
)
CLIENTS = 8


class Traffic:
    """Clients that ask on and on, of a few workers; and what carries journals to the ledger."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)  # noqa: S311 - a test that can be run again
        self._busy = True

    async def during(self, trouble: list[str]) -> None:
        """Run while this happens, and a moment longer."""
        world = self._world
        tasks = [
            asyncio.create_task(self._client(worker))
            for worker in world.workers
            for _ in range(CLIENTS)
        ]
        tasks.append(asyncio.create_task(self._carry()))
        for each in trouble:
            await asyncio.sleep(0.4)
            await _trouble(world.server, each)
        await asyncio.sleep(2.5)
        self._busy = False
        await asyncio.gather(*tasks)
        for worker in world.workers:
            await worker.limiter.drain()

    async def _client(self, worker: Worker) -> None:
        while self._busy:
            most = self._random.randint(1, 40)
            held = call(*SCOPES, cost=most, tokens=5)
            try:
                await worker.limiter.reserve(held)
            except GatewayError:
                await asyncio.sleep(0.01)
                continue
            await asyncio.sleep(self._random.random() * 0.02)
            failed = self._random.random() < 0.2
            cost = 0 if failed else self._random.randint(1, most)
            worker.settle(held, Used(0, 0, 0) if failed else Used(cost, 5, 1))

    async def _carry(self) -> None:
        while self._busy:
            await asyncio.sleep(self._random.random() * 0.3)
            self._world.ledger.carry()


async def _trouble(server: RedisServer, word: str) -> None:
    if word == "freeze":
        server.freeze()
        await asyncio.sleep(0.8)
        server.thaw()
    elif word == "flush":
        server.command("FLUSHALL")
    else:
        server.kill()
        await asyncio.sleep(0.1)
        server.start()


async def test_never_more_than_the_budget(world: World) -> None:
    """In the end Redis has counted what the journals say, to the unit, and holds nothing.

    The budget was used up almost to its last unit: the next call asks for up to 40 of them.
    """
    for _ in range(3):
        await world.worker()
    await Traffic(world, 7).during(["kill", "freeze", "flush", "kill", "freeze"])

    spent = world.ledger.spent()
    assert 2_460 < spent.cost_nano <= 2_500
    for worker in world.workers:
        assert (await seen(worker, SCOPES[0]))["cost_total"] == (spent.cost_nano, 0)
        assert await seen(worker, SCOPES[1]) == {
            "cost_per_month": (spent.cost_nano, 0),
            "tokens_total": (spent.tokens, 0),
        }
