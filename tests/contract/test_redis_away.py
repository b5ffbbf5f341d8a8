"""While Redis is away: what each setting does, how soon it is decided, and how it comes back."""

import asyncio
import time
from collections.abc import Callable

import pytest

from llmproxy.application.interfaces.limiter import Reservation, Scope, Used
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import WhenAway
from tests.contract.limiter_places import call, deployment, key, limits
from tests.contract.redis_world import Worker, World, seen
from tests.redis_server import RedisServer

pytestmark = pytest.mark.asyncio

TIMEOUT_S = 0.05
PATIENCE_S = 0.2
"""What a decision may take on a machine that runs other tests."""
BUDGET = key(limits(cost_total=100))
Trouble = Callable[[RedisServer], None]


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
async def test_decided_in_time(plain: World, when_away: WhenAway, trouble: Trouble) -> None:
    """The first call is decided in 50 ms, those after it at once; then Redis counts again."""
    worker = await plain.worker(when_away, TIMEOUT_S)
    first = await plain.until_counted(worker, call(BUDGET, cost=10))
    trouble(plain.server)
    took_s, passed = await timed(worker, call(BUDGET, cost=5))
    assert took_s < PATIENCE_S
    assert passed is (when_away is not WhenAway.CLOSED)
    later = [await timed(worker, call(BUDGET, cost=5)) for _ in range(20)]
    assert sorted(took for took, _ in later)[-2] < 0.01
    passes = [passed for _, passed in later].count(True)
    share = (100 - 10) // 5
    assert passes == {WhenAway.CLOSED: 0, WhenAway.OPEN: 20, WhenAway.SHARE: share - 1}[when_away]

    if trouble is RedisServer.freeze:
        plain.server.thaw()
    else:
        plain.server.start()
    worker.settle(first, Used(10, 1, 1))
    async with asyncio.timeout(5):
        used, held = (await seen(worker, BUDGET))["cost_total"]
    assert used == 10
    assert held == 5 * (passes + passed)


async def test_open_counts_later(plain: World) -> None:
    """What was let through without Redis is counted when it is back, past the limit if need be."""
    worker = await plain.worker(WhenAway.OPEN)
    plain.server.kill()
    await asyncio.sleep(0.1)
    calls = [call(BUDGET, cost=30) for _ in range(5)]
    for each in calls:
        await worker.limiter.reserve(each)
    for each in calls[:3]:
        worker.settle(each, Used(30, 1, 1))
    plain.server.start()
    assert (await seen(worker, BUDGET))["cost_total"] == (90, 60)
    for each in calls[3:]:
        worker.settle(each, Used(30, 1, 1))
    assert (await seen(worker, BUDGET))["cost_total"] == (150, 0)


async def test_shares(plain: World) -> None:
    """Two workers let what was left through together, and a lane that is full is passed over."""
    workers = [await plain.worker(WhenAway.SHARE) for _ in range(2)]
    small, large = (deployment(limits(requests_per_day=n), f"d{n}") for n in (2, 9))
    own = key(limits(cost_per_day=100, at_once=90))
    for worker in workers:
        held = call(own, cost=10, lanes=(small, large))
        await worker.limiter.reserve(held)
        worker.settle(held, Used(10, 1, 1))
        await worker.limiter.drain()
        await worker.limiter.reserve(call(own, lanes=(None, small)))
    await asyncio.sleep(1.2)  # each has seen the other
    plain.server.kill()
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


async def sharing(plain: World, *lanes: Scope) -> tuple[Worker, Scope]:
    """Return a worker that has counted a call and lives on shares now, and the key of that call."""
    worker = await plain.worker(WhenAway.SHARE)
    own = key(limits(requests_per_day=99))
    held = call(own, lanes=lanes)
    await worker.limiter.reserve(held)
    worker.settle(held, Used(0, 0, 1))
    await worker.limiter.drain()
    plain.server.kill()
    await asyncio.sleep(0.1)
    return worker, own


async def test_a_share_of_a_lane_that_was_not_asked(plain: World) -> None:
    """It is given back as a whole."""
    lane = deployment(limits(requests_per_day=3), "d1")
    worker, own = await sharing(plain, lane)
    for _ in range(5):
        held = call(own, lanes=(lane,))
        await worker.limiter.reserve(held)
        worker.past.write(held, Used(0, 0, 1))
        worker.limiter.settle(held, Used(0, 0, 1))
    plain.server.start()
    assert (await seen(worker, own))["requests_per_day"] == (6, 0)
    assert (await seen(worker, lane))["requests_per_day"] == (1, 0)


async def test_a_share_of_a_lane_that_was_left(plain: World) -> None:
    """A call that goes on to another lane gives the first one's share back, and uses none of it."""
    left, next_one = (deployment(limits(requests_per_day=n), f"d{n}") for n in (3, 9))
    worker, own = await sharing(plain, left, next_one)
    for _ in range(5):
        held = call(own, lanes=(left, next_one))
        await worker.limiter.reserve(held)
        assert held.lane == 0
        await worker.limiter.move(held, 1)
        worker.settle(held, Used(0, 0, 1))
    plain.server.start()
    assert (await seen(worker, own))["requests_per_day"] == (6, 0)
    assert (await seen(worker, left))["requests_per_day"] == (1, 0)
    assert (await seen(worker, next_one))["requests_per_day"] == (5, 0)


async def test_calls_without_limits(plain: World) -> None:
    """What is not limited does not notice that Redis is away."""
    worker = await plain.worker()
    plain.server.kill()
    held = call()
    await worker.limiter.reserve(held)
    worker.settle(held, Used(5, 1, 1))
    assert worker.limiter.in_flight == 0


async def test_started_without_redis(plain: World) -> None:
    """A worker starts while Redis is away, and counts as soon as it is there."""
    plain.server.kill()
    worker = await plain.worker()
    with pytest.raises(Unavailable) as raised:
        await worker.limiter.reserve(call(BUDGET, cost=1))
    assert (raised.value.code, raised.value.retry_after_s) == ("limits_unavailable", 1.0)
    plain.server.start()
    held = await plain.until_counted(worker, call(BUDGET, cost=1))
    worker.settle(held, Used(1, 1, 1))
    assert (await seen(worker, BUDGET))["cost_total"] == (1, 0)
