"""While Redis is away: what each setting does, how soon it is decided, and how it comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.limiter import Reservation, Used
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import WhenAway
from tests.contract.limiter_places import call, deployment, key, limits
from tests.contract.redis_world import Worker, World, seen
from tests.redis_server import RedisServer, running

pytestmark = pytest.mark.asyncio

TIMEOUT_S = 0.05
PATIENCE_S = 0.4
"""What a decision may take on a machine that runs other tests."""
BUDGET = key(limits(cost_total=100))
Trouble = Callable[[RedisServer], None]


@pytest_asyncio.fixture(name="world")
async def _world(tmp_path: Path) -> AsyncIterator[World]:
    with running(tmp_path / "redis") as server:
        async with AsyncExitStack() as stack:
            yield World(server, stack)


async def until_let_through(worker: Worker) -> Reservation:
    """Reserve until Redis has been quick enough: a busy machine may keep it from that at first."""
    held = call(BUDGET, cost=10)
    async with asyncio.timeout(20):
        while True:
            try:
                await worker.limiter.reserve(held)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return held


async def timed(worker: Worker, held: Reservation) -> tuple[float, bool]:
    """Return how long a reservation took, and whether it was let through."""
    began = time.perf_counter()
    try:
        await worker.limiter.reserve(held)
    except Unavailable:
        return time.perf_counter() - began, False
    return time.perf_counter() - began, True


@pytest.mark.parametrize("trouble", [RedisServer.freeze, RedisServer.kill])
@pytest.mark.parametrize("when_away", list(WhenAway))
async def test_decided_in_time(world: World, when_away: WhenAway, trouble: Trouble) -> None:
    """The first call is decided in 50 ms, those after it at once; then Redis counts again."""
    worker = await world.worker(when_away, TIMEOUT_S)
    first = await until_let_through(worker)
    trouble(world.server)
    took_s, passed = await timed(worker, call(BUDGET, cost=5))
    assert took_s < PATIENCE_S
    assert passed is (when_away is not WhenAway.CLOSED)
    later = [await timed(worker, call(BUDGET, cost=5)) for _ in range(20)]
    assert sorted(took for took, _ in later)[-2] < 0.045
    passes = [passed for _, passed in later].count(True)
    share = (100 - 10) // 5
    assert passes == {WhenAway.CLOSED: 0, WhenAway.OPEN: 20, WhenAway.SHARE: share - 1}[when_away]

    if trouble is RedisServer.freeze:
        world.server.thaw()
    else:
        world.server.start()
    worker.settle(first, Used(10, 1, 1))
    async with asyncio.timeout(5):
        used, held = (await seen(worker, BUDGET))["cost_total"]
    assert used == 10
    assert held == 5 * (passes + passed)


async def test_open_counts_later(world: World) -> None:
    """What was let through without Redis is counted when it is back, past the limit if need be."""
    worker = await world.worker(WhenAway.OPEN)
    world.server.kill()
    await asyncio.sleep(0.1)
    calls = [call(BUDGET, cost=30) for _ in range(5)]
    for each in calls:
        await worker.limiter.reserve(each)
    for each in calls[:3]:
        worker.settle(each, Used(30, 1, 1))
    world.server.start()
    assert (await seen(worker, BUDGET))["cost_total"] == (90, 60)
    for each in calls[3:]:
        worker.settle(each, Used(30, 1, 1))
    assert (await seen(worker, BUDGET))["cost_total"] == (150, 0)


async def test_shares(world: World) -> None:
    """Two workers let what was left through together, and a lane that is full is passed over."""
    workers = [await world.worker(WhenAway.SHARE) for _ in range(2)]
    small, large = (deployment(limits(requests_per_day=n), f"d{n}") for n in (2, 9))
    own = key(limits(cost_per_day=100, at_once=90))
    for worker in workers:
        held = call(own, cost=10, lanes=(small, large))
        await worker.limiter.reserve(held)
        worker.settle(held, Used(10, 1, 1))
        await worker.limiter.drain()
        await worker.limiter.reserve(call(own, lanes=(None, small)))
    await asyncio.sleep(1.2)  # each has seen the other
    world.server.kill()
    await asyncio.sleep(0.1)

    lanes = []
    for worker in workers:
        passed = 0
        for _ in range(20):
            held = call(own, cost=4, lanes=(small, large))
            try:
                await worker.limiter.reserve(held)
            except Unavailable:
                continue
            passed += 1
            lanes.append(held.lane)
        assert passed <= 10
    assert len(lanes) * 4 <= 80
    assert set(lanes) == {1}


async def test_calls_without_limits(world: World) -> None:
    """What is not limited does not notice that Redis is away."""
    worker = await world.worker()
    world.server.kill()
    held = call()
    await worker.limiter.reserve(held)
    worker.settle(held, Used(5, 1, 1))
    assert worker.limiter.in_flight == 0


async def test_started_without_redis(world: World) -> None:
    """A worker starts while Redis is away, and counts as soon as it is there."""
    world.server.kill()
    worker = await world.worker()
    with pytest.raises(Unavailable) as raised:
        await worker.limiter.reserve(call(BUDGET, cost=1))
    assert (raised.value.code, raised.value.retry_after_s) == ("limits_unavailable", 1.0)
    world.server.start()
    held = await world.until_counted(worker, call(BUDGET, cost=1))
    worker.settle(held, Used(1, 1, 1))
    assert (await seen(worker, BUDGET))["cost_total"] == (1, 0)
