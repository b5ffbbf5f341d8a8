"""Several workers over a real Redis: what they count together, whatever happens to it."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import Reservation, Scope, Stretch, Used
from llmproxy.domain.errors import BudgetSpent, RateLimited, Unavailable
from llmproxy.domain.limit import WhenAway
from tests.contract.limiter_places import call, key, limits, project
from tests.contract.redis_world import Worker, World, seen

pytestmark = pytest.mark.asyncio

BUDGET = key(limits(cost_total=100, requests_per_day=100_000))


async def admitted(workers: list[Worker], scope: Scope, number: int) -> list[Reservation]:
    """Reserve so often at once, in turn at each worker; return what was admitted."""
    calls = [call(scope, cost=1) for _ in range(number)]
    outcomes = await asyncio.gather(
        *[workers[i % len(workers)].limiter.reserve(each) for i, each in enumerate(calls)],
        return_exceptions=True,
    )
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, RateLimited | BudgetSpent)
    return [each for each, outcome in zip(calls, outcomes, strict=True) if outcome is None]


async def test_a_burst_at_two_workers(plain: World) -> None:
    """500 calls at once against a budget for 100: exactly 100 pass, and then it is spent."""
    workers = [await plain.worker(), await plain.worker()]
    passed = await admitted(workers, BUDGET, 500)
    assert len(passed) == 100
    assert sum(each.limiter.in_flight for each in workers) == 100
    with pytest.raises(RateLimited):
        await workers[0].limiter.reserve(call(BUDGET, cost=1))


async def test_what_is_left_over_can_be_used(plain: World) -> None:
    """A call that used less than it held leaves the rest to others, to the last unit."""
    one, two = await plain.worker(), await plain.worker()
    held = call(BUDGET, cost=100)
    await one.limiter.reserve(held)
    with pytest.raises(RateLimited):
        await two.limiter.reserve(call(BUDGET, cost=1))
    one.settle(held, Used(97, 1, 1))
    await one.limiter.drain()

    rest = call(BUDGET, cost=3)
    await two.limiter.reserve(rest)
    two.settle(rest, Used(3, 1, 1))
    await two.limiter.drain()
    with pytest.raises(BudgetSpent):
        await one.limiter.reserve(call(BUDGET, cost=1))
    assert (await seen(one, BUDGET))["cost_total"] == (100, 0)


async def test_killed_in_the_middle(world: World) -> None:
    """Redis dies while calls are in flight at both workers; afterwards nothing is counted twice."""
    one, two = await world.worker(), await world.worker()
    mine = [call(BUDGET, cost=10) for _ in range(4)]
    for index, each in enumerate(mine):
        await (one, two)[index % 2].limiter.reserve(each)
    one.settle(mine[0], Used(7, 1, 1))
    two.settle(mine[1], Used(7, 1, 1))
    await one.limiter.drain()
    world.ledger.carry()
    world.server.kill()
    await asyncio.sleep(0.1)
    one.settle(mine[2], Used(7, 1, 1))
    with pytest.raises(Unavailable):
        await one.limiter.reserve(call(BUDGET, cost=1))
    world.server.start()

    late = await world.until_counted(one, call(BUDGET, cost=1))
    assert (await seen(two, BUDGET))["cost_total"] == (21, 11)
    one.settle(late, Used(1, 1, 1))
    two.settle(mine[3], Used(9, 1, 1))
    await two.limiter.drain()
    await one.limiter.drain()
    assert (await seen(one, BUDGET))["cost_total"] == (31, 0)
    assert (await seen(one, BUDGET))["requests_per_day"] == (5, 0)


async def test_a_scope_that_is_new(plain: World) -> None:
    """A limit that is made while workers serve begins with what all of them have used."""
    one, two = await plain.worker(), await plain.worker()
    for worker in (one, two):
        for _ in range(3):
            held = call(project(limits(requests_per_day=99)), cost=2)
            await worker.limiter.reserve(held)
            worker.settle(held, Used(2, 1, 1))
    await one.limiter.drain()
    plain.ledger.carried["worker-0-1.jsonl"] = 2  # the ledger lags behind, and knows one alone

    assert (await seen(one, BUDGET))["cost_total"] == (12, 0)


async def test_a_limit_that_comes_late(plain: World) -> None:
    """What was in flight when a limit was made is counted by it, at any worker, when it ends."""
    one, two = await plain.worker(), await plain.worker()
    early = [call(cost=9), call(cost=9)]
    await one.limiter.reserve(early[0])
    await two.limiter.reserve(early[1])
    await asyncio.sleep(0.01)
    await one.limiter.prepare([BUDGET])
    await asyncio.sleep(1.5)  # the other has seen that it is waited for
    for worker, each in zip((one, two), early, strict=True):
        worker.settle(each, Used(6, 1, 1))
        await worker.limiter.drain()
    assert (await seen(one, BUDGET))["cost_total"] == (12, 0)


async def test_a_dead_worker(plain: World) -> None:
    """What a dead worker held comes back when its lease ends; its journal is counted once."""
    one = await plain.worker()
    dead = Worker(plain.ledger, "dead-1.jsonl")
    await dead.start(plain.server, WhenAway.CLOSED)
    first, second = call(BUDGET, cost=30), call(BUDGET, cost=40)
    await dead.limiter.reserve(first)
    await dead.limiter.reserve(second)
    dead.settle(first, Used(25, 1, 1))
    await dead.limiter.drain()
    await one.limiter.reserve(call(BUDGET, cost=1))
    await dead.die()
    dead.past.write(second, Used(11, 1, 1))  # written, and never told
    assert (await seen(one, BUDGET))["cost_total"] == (25, 41)

    lines = plain.ledger.files["dead-1.jsonl"]
    stretch = Stretch("dead-1.jsonl", 0, 201, lines)
    two = await plain.worker()
    await asyncio.gather(
        *[each.limiter.adopted("dead-1.jsonl", stretch) for each in (one, two, one)]
    )
    await two.limiter.adopted("dead-1.jsonl", stretch)
    assert (await seen(one, BUDGET))["cost_total"] == (36, 41)
    own = dead.limiter.worker
    plain.server.command("ZADD", "{llmproxy}:workers", "1", own)
    await asyncio.sleep(1.2)
    assert (await seen(one, BUDGET))["cost_total"] == (36, 1)


async def test_a_journal_file_that_is_gone(plain: World) -> None:
    """What was settled while Redis was away comes from the ledger when the file is gone."""
    one = await plain.worker()
    held = [call(BUDGET, cost=5) for _ in range(2)]
    for each in held:
        await one.limiter.reserve(each)
    plain.server.freeze()
    with pytest.raises(Unavailable):
        await one.limiter.reserve(call(BUDGET, cost=1))
    one.settle(held[0], Used(4, 1, 1))
    one.past.begin("worker-0-2.jsonl")
    one.settle(held[1], Used(3, 1, 1))
    plain.ledger.carry()
    one.past.gone.add("worker-0-1.jsonl")
    plain.server.thaw()

    await plain.until_counted(one, call(BUDGET, cost=1))
    assert (await seen(one, BUDGET))["cost_total"] == (7, 1)


async def test_scripts_and_keys_are_flushed(plain: World) -> None:
    """An operator empties Redis while calls run: all is there again within a moment."""
    one = await plain.worker()
    held = call(BUDGET, cost=10)
    await one.limiter.reserve(held)
    plain.server.command("SCRIPT", "FLUSH")
    other = call(BUDGET, cost=10)
    await one.limiter.reserve(other)
    one.settle(other, Used(10, 1, 1))
    await one.limiter.drain()
    plain.server.command("FLUSHALL")

    last = await plain.until_counted(one, call(BUDGET, cost=1))
    assert (await seen(one, BUDGET))["cost_total"] == (10, 11)
    one.settle(held, Used(10, 1, 1))
    one.settle(last, Used(1, 1, 1))
    await one.limiter.drain()
    assert (await seen(one, BUDGET))["cost_total"] == (21, 0)


async def test_whoever_waits_leaves(plain: World) -> None:
    """A reservation whose call was cancelled while Redis was asked holds nothing."""
    one = await plain.worker()
    await one.limiter.prepare([BUDGET])
    task = asyncio.create_task(one.limiter.reserve(call(BUDGET, cost=100)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert one.limiter.in_flight == 0
    await asyncio.sleep(0.05)
    assert (await seen(one, BUDGET))["cost_total"] == (0, 0)


async def test_one_of_them_tells(plain: World) -> None:
    """A share of a limit is told once, by one of the workers."""
    workers = [await plain.worker() for _ in range(3)]
    own = key(limits(cost_per_month=100, alerts=(50, 100)))
    for cost in (30, 30, 40):
        for worker in workers:
            await worker.limiter.prepare([own])
        held = call(own, cost=cost)
        await workers[0].limiter.reserve(held)
        workers[0].settle(held, Used(cost, 1, 1))
        await workers[0].limiter.drain()
    for worker in workers[1:]:
        held = call(own)
        await worker.limiter.reserve(held)
        worker.settle(held, Used(0, 1, 1))
        await worker.limiter.drain()

    told = [crossing.percent for worker in workers for crossing in worker.heard.crossings]
    assert told == [50, 100]


async def test_what_is_given_back_behind_a_question(plain: World) -> None:
    """Nobody is refused for a call of this worker that ended after Redis was asked."""
    one = await plain.worker()
    single = key(limits(requests_per_day=100, at_once=1))
    held = call(single)
    await one.limiter.prepare([single])
    await one.limiter.reserve(held)
    for _ in range(20):
        waiting = call(single)
        asking = asyncio.create_task(one.limiter.reserve(waiting))
        await asyncio.sleep(0)  # asked, and on its way
        one.settle(held, Used(0, 0, 1))
        await asking
        held = waiting
    with pytest.raises(RateLimited):
        await one.limiter.reserve(call(single))


ROOMY = limits(requests_per_minute=1_000, tokens_per_day=1_000_000, cost_total=10**15, at_once=500)


async def told_after(worker: Worker, scope: Scope, number: int) -> int:
    """Let so many calls begin and end at once; return how many tellings that took."""
    before = worker.limiter.counts()["told"]
    for _ in range(number):
        held = call(scope, cost=10, tokens=5)
        await worker.limiter.reserve(held)
        worker.settle(held, Used(7, 3, 1))
    await worker.limiter.drain()
    return worker.limiter.counts()["told"] - before


async def test_tellings_wait_where_there_is_room(plain: World) -> None:
    """They go together then; where room is short each goes before the next question."""
    one = await plain.worker()
    await one.limiter.prepare([key(ROOMY), key(limits(requests_per_minute=100), "k2")])
    assert await told_after(one, key(ROOMY), 20) < 20
    assert await told_after(one, key(limits(requests_per_minute=100), "k2"), 20) == 20
    assert (await seen(one, key(ROOMY)))["cost_total"] == (140, 0)


async def test_a_telling_that_waits_is_told_in_time(plain: World) -> None:
    """Nobody has to ask for it: another worker sees it a moment later."""
    one, two = await plain.worker(), await plain.worker()
    held = call(key(ROOMY), cost=10)
    await one.limiter.reserve(held)
    one.settle(held, Used(7, 1, 1))
    await asyncio.sleep(0.5)
    assert (await seen(two, key(ROOMY)))["cost_total"] == (7, 0)


async def test_nobody_is_refused_for_what_waits_to_be_told(plain: World) -> None:
    """What a worker's own calls gave back is told before one of them is refused."""
    one = await plain.worker()
    wide = key(limits(tokens_per_day=1_000, at_once=500))
    small = call(wide, tokens=5)
    await one.limiter.reserve(small)
    large = call(wide, tokens=995)
    await one.limiter.reserve(large)
    one.settle(large, Used(0, 1, 1))
    await one.limiter.drain()
    again = call(wide, tokens=1)
    await one.limiter.reserve(again)  # there is room for 990 more of these
    one.settle(small, Used(0, 0, 0))
    one.settle(again, Used(0, 0, 0))
    await one.limiter.reserve(call(wide, tokens=999))
