"""What the limiter of one worker does beside its contract: bounds, late calls, shared waiting."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import Limit, Reservation, Used
from llmproxy.domain.errors import Forbidden, RateLimited, Unavailable
from llmproxy.infra.limiter.memory import MemoryLimiter
from llmproxy.infra.limiter.rebuilding import Bounds
from tests.contract.limiter_places import (
    InMemory,
    call,
    deployment,
    key,
    limits,
    model,
    project,
)
from tests.fakes.past import FakePast
from tests.fakes.stepped_clock import SteppedClock

pytestmark = pytest.mark.asyncio
DAILY = limits(requests_per_day=9, tokens_per_day=99, cost_total=99)


async def used_of(place: InMemory, asked: Reservation) -> list[int]:
    standing = await place.limiter.standing(asked)
    return [each.used for each in standing.limits[1:]]


async def test_calls_in_flight_are_shown() -> None:
    """Beside what the gate lets in; nothing is refused for them here."""
    limiter = MemoryLimiter(SteppedClock(), None, None, max_in_flight=2)
    first = call(key(DAILY))
    await limiter.reserve(first)
    await limiter.reserve(call())
    await limiter.reserve(call(key(DAILY)))

    standing = await limiter.standing(call(key(DAILY)))
    assert standing.limits[0] == Limit(
        "worker", "requests in flight", 3, 2, "MAX_CONCURRENT_REQUESTS"
    )
    assert standing.limits[1].held == 2
    assert standing.refusal is None
    limiter.settle(first, Used(0, 0, 0))
    assert limiter.in_flight == 2


async def test_a_refused_call_is_not_in_flight() -> None:
    """Whatever refuses it, and when its client leaves while its counters are rebuilt."""
    place = InMemory()
    own = key(limits(requests_per_minute=0))
    with pytest.raises(RateLimited):
        await place.limiter.reserve(call(own))
    place.past.away = True
    with pytest.raises(Unavailable):
        await place.limiter.reserve(call(key(DAILY, "k2")))
    place.past.away = False
    waiting = asyncio.create_task(place.limiter.reserve(call(key(DAILY, "k3"))))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert isinstance(place.limiter, MemoryLimiter)
    assert place.limiter.in_flight == 0


async def test_one_rebuild_for_all_who_wait() -> None:
    """Many calls of a scope that is not known ask the ledger once; who leaves spoils nothing."""
    place = InMemory()
    own = key(DAILY)
    waiting = [asyncio.create_task(place.limiter.reserve(call(own))) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert outcomes.count(None) == 9
    assert [type(each) for each in outcomes].count(RateLimited) == 10
    assert len(place.past.asked) == 1


async def test_prepared() -> None:
    """Scopes that were prepared at the start make no call wait."""
    clock, past = SteppedClock(), FakePast()
    limiter = MemoryLimiter(clock, past, None, max_in_flight=10)
    await limiter.prepare([key(DAILY, f"k{number}") for number in range(1_200)])
    assert [len(asked) for asked in past.asked] == [500, 500, 200]

    await limiter.reserve(call(key(DAILY, "k7")))
    await limiter.prepare([key(DAILY, "k7")])
    assert len(past.asked) == 3


async def test_the_ledger_is_slow() -> None:
    """A past that does not answer in time is one that is away."""
    place = InMemory(Bounds(patience_s=0.0))
    with pytest.raises(Unavailable) as raised:
        await place.limiter.reserve(call(key(DAILY)))
    assert raised.value.code == "limits_unavailable"


async def test_calls_from_before_a_limit() -> None:
    """What was admitted before a scope had limits counts there when it ends, once."""
    place = InMemory()
    plain, early, keyed = call(), call(), call(key(DAILY))
    await place.limiter.reserve(plain)
    await place.limiter.reserve(early)
    place.settle(early, Used(1, 2, 1))  # the journal knows it
    place.advance(5)
    await place.limiter.reserve(keyed)
    place.advance(5)
    scopes = (key(DAILY), project(DAILY), model(DAILY))
    assert await used_of(place, call(*scopes)) == [1, 2, 1] * 3

    place.settle(plain, Used(10, 20, 1))
    place.settle(keyed, Used(10, 20, 1))
    assert await used_of(place, call(*scopes)) == [3, 42, 21] * 3


@pytest.mark.parametrize("days", [0, 45])
async def test_limits_that_go_and_come_back(days: int) -> None:
    """Calls in between, which no limit knew of, count when they are back, each in its window."""
    place = InMemory()
    all_windows = limits(requests_per_minute=9, tokens_per_month=99, cost_total=99)
    scopes = (key(all_windows), project(all_windows), model(all_windows))
    lane = deployment(all_windows, "d1")
    await place.limiter.standing(call(*scopes, lanes=(lane,)))
    place.advance(days * 86_400)
    between = call()
    await place.limiter.reserve(between)
    between.deployment = "d1"
    place.settle(between, Used(10, 20, 1))

    asked = call(*scopes, lanes=(lane,))
    assert await used_of(place, asked) == [1, 20, 10] * 4
    place.advance(62)
    assert await used_of(place, asked) == [0, 20, 10] * 4


async def test_idle_scopes_are_forgotten() -> None:
    """Beyond a bound, and only those that hold nothing; they come back as they were."""
    place = InMemory(Bounds(most_scopes=10, kept_scopes=5))
    held = call(key(DAILY, "k0"), tokens=7)
    await place.limiter.reserve(held)
    for number in range(1, 11):
        one = call(key(DAILY, f"k{number}"))
        await place.limiter.reserve(one)
        place.settle(one, Used(number, number, 1))
    assert isinstance(place.limiter, MemoryLimiter)
    assert len(place.limiter._rebuilding) == 5

    standing = await place.limiter.standing(call(key(DAILY, "k0")))
    assert standing.limits[2].held == 7
    assert await used_of(place, call(key(DAILY, "k1"))) == [1, 1, 1]
    assert await used_of(place, call(key(DAILY, "k10"))) == [1, 10, 10]


async def test_the_longest_wait_is_told() -> None:
    """A call that several limits refuse is told the time after which all have room."""
    place = InMemory()
    scopes = (
        project(limits(requests_per_minute=1)),
        key(limits(requests_per_minute=1, requests_per_day=1)),
        model(limits(requests_per_minute=1)),
    )
    await place.limiter.reserve(call(*scopes))
    late = call(*scopes)
    with pytest.raises(RateLimited) as raised:
        await place.limiter.reserve(late)
    assert raised.value.retry_after_s == 87_300
    standing = await place.limiter.standing(call(*scopes))
    assert standing.refusal is not None
    assert standing.refusal.message == raised.value.message

    place.advance(87_300)
    await place.limiter.reserve(late)


async def test_lanes_that_cannot_pay() -> None:
    """A deployment whose budget is in another currency has no room; standing says the same."""
    place = InMemory()
    lanes = (deployment(limits(currency="EUR", cost_total=9), "east"),)
    with pytest.raises(Forbidden):
        await place.limiter.reserve(call(lanes=lanes, cost=1))
    standing = await place.limiter.standing(call(lanes=lanes, cost=1))
    assert isinstance(standing.refusal, Forbidden)
    roomy = call(lanes=(*lanes, None), cost=1)
    assert (await place.limiter.standing(roomy)).refusal is None
    await place.limiter.reserve(roomy)
    assert roomy.lane == 1


async def test_the_lane_that_is_free_first_is_told() -> None:
    """Of full deployments the one with room first says when to come again."""
    place = InMemory()
    lanes = (
        deployment(limits(requests_per_day=1), "east"),
        deployment(limits(requests_per_minute=1), "west"),
        deployment(limits(requests_per_minute=0), "off"),
    )
    for _ in range(2):
        await place.limiter.reserve(call(lanes=lanes))
    with pytest.raises(RateLimited) as raised:
        await place.limiter.reserve(call(lanes=lanes))
    assert raised.value.retry_after_s == 62
    assert "deployment `west`" in raised.value.message


async def test_an_attempt_counts_when_it_is_made() -> None:
    """A deployment's minute counts a late attempt, though its call was admitted long before."""
    place = InMemory()
    lanes = (None, deployment(limits(requests_per_minute=1), "west"))
    slow = call(lanes=lanes)
    await place.limiter.reserve(slow)
    place.advance(300)
    await place.limiter.move(slow, 1)
    with pytest.raises(RateLimited):
        await place.limiter.reserve(call(lanes=lanes[1:]))
    place.settle(slow, Used(0, 0, 1))
    assert await used_of(place, call(lanes=lanes[1:])) == [1]


async def test_moving_without_limits() -> None:
    """Where nothing is limited there is nothing to move."""
    place = InMemory()
    held = call()
    await place.limiter.reserve(held)
    await place.limiter.move(held, 2)
    assert held.lane == 2
    place.settle(held, Used(1, 1, 1))


async def test_limits_that_change_without_end() -> None:
    """A call does not wait forever for counters that others replace."""
    place = InMemory(Bounds(tries=1))
    with pytest.raises(Unavailable) as raised:
        await place.limiter.reserve(call(key(DAILY)))
    assert raised.value.code == "limits_unavailable"


async def test_a_currency_is_changed() -> None:
    """The budget begins with what the past holds in the new currency, and with what is held."""
    place = InMemory()
    dollars, euros = key(limits(cost_total=99)), key(limits(cost_total=99, currency="EUR"))
    spent = call(dollars, cost=30)
    await place.limiter.reserve(spent)
    place.settle(spent, Used(30, 1, 1))
    place.past.tell(spent.at, "k1", None, "gpt", None, "EUR", Used(4, 1, 1))
    running = call(project(DAILY), dollars, cost=5)
    await place.limiter.reserve(running)
    standing = await place.limiter.standing(call(euros, currency="EUR"))
    assert [(each.used, each.held, each.currency) for each in standing.limits[1:]] == [
        (4, 0, "EUR")
    ]
    place.settle(running, Used(5, 1, 1))
    assert await used_of(place, call(euros)) == [4]
    assert await used_of(place, call(dollars)) == [35]


async def test_deployments_tell_their_shares() -> None:
    """Crossings name the scope that was crossed, a month's its beginning."""
    place = InMemory()
    lane = deployment(limits(cost_per_month=10, requests_per_minute=1, alerts=(100,)), "east")
    watched = project(limits(requests_per_minute=1, alerts=(100,)))
    held = call(key(DAILY), watched, lanes=(lane,), cost=10)
    await place.limiter.reserve(held)
    place.settle(held, Used(10, 1, 1))

    assert [(each.kind, each.name, each.rule) for each in place.heard.crossings] == [
        ("project", "alpha", "requests_per_minute"),
        ("deployment", "east", "requests_per_minute"),
        ("deployment", "east", "cost_per_month"),
    ]
    assert [each.window_began for each in place.heard.crossings] == [None, None, 1_798_761_600]
