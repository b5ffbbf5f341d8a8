"""What every Limiter does as time goes on: windows, changed limits, restarts, alerts."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import Used
from llmproxy.domain.errors import BudgetSpent, RateLimited, Unavailable
from tests.contract.limiter_places import (
    Place,
    call,
    deployment,
    key,
    limits,
    model,
    project,
    refused,
    standing_of,
)

pytestmark = pytest.mark.asyncio


async def test_limits_change_while_running(place: Place) -> None:
    """What was counted stays; the new limit holds for the next call."""
    for _ in range(2):
        held = call(key(limits(requests_per_day=2)))
        await place.limiter.reserve(held)
        place.settle(held, Used(0, 0, 1))
        await place.settled()
    await refused(place, call(key(limits(requests_per_day=2))))

    await place.limiter.reserve(call(key(limits(requests_per_day=3))))
    await refused(place, call(key(limits(requests_per_day=3))))


async def test_a_rule_is_added(place: Place) -> None:
    """A rule over what was not counted yet begins with the past and with what is held now."""
    first = call(key(limits(requests_per_day=9)), tokens=20)
    await place.limiter.reserve(first)
    second = call(key(limits(requests_per_day=9)), tokens=30)
    await place.limiter.reserve(second)
    place.settle(first, Used(0, 10, 1))
    await place.settled()

    both = key(limits(requests_per_day=9, tokens_per_day=60))
    assert await standing_of(place, call(both)) == {
        "key k1 requests_per_day": (1, 1),
        "key k1 tokens_per_day": (10, 30),
    }
    await refused(place, call(both, tokens=21))
    place.settle(second, Used(0, 15, 1))
    assert await standing_of(place, call(both)) == {
        "key k1 requests_per_day": (2, 0),
        "key k1 tokens_per_day": (25, 0),
    }


async def test_limits_that_go_and_come_back(place: Place) -> None:
    """Calls in between, which no limit knew of, count when they are back."""
    own = limits(requests_per_day=9, tokens_total=99)
    scopes = (key(own), project(own), model(own))
    lane = deployment(own, "d1")
    await place.limiter.standing(call(*scopes, lanes=(lane,)))
    between = call()
    await place.limiter.reserve(between)
    between.deployment = "d1"
    place.settle(between, Used(0, 20, 1))
    await place.settled()

    told = await standing_of(place, call(*scopes, lanes=(lane,)))
    assert len(told) == 8
    assert {figures for name, figures in told.items() if name.endswith("day")} == {(1, 0)}
    assert {figures for name, figures in told.items() if name.endswith("total")} == {(20, 0)}


async def test_rebuilt(place: Place) -> None:
    """After a restart counters begin with what the ledger and the journal say."""
    own = (
        key(limits(requests_per_minute=9, tokens_per_day=99, cost_total=99)),
        project(limits(cost_per_month=99, currency="EUR")),
    )
    for tokens in (3, 4, 5):
        held = call(*own, tokens=10, cost=0)
        await place.limiter.reserve(held)
        place.settle(held, Used(2, tokens, 1))
    await place.settled()
    place.past.carried = 2
    await place.restart()

    assert await standing_of(place, call(*own)) == {
        "key k1 requests_per_minute": (3, 0),
        "key k1 tokens_per_day": (12, 0),
        "key k1 cost_total": (6, 0),
        "project alpha cost_per_month": (0, 0),
    }


async def test_the_ledger_is_away(place: Place) -> None:
    """Calls whose counters cannot be rebuilt are refused; the next one tries again."""
    place.past.away = True
    own = key(limits(requests_per_day=1))
    outcomes = await asyncio.gather(
        *[place.limiter.reserve(call(own)) for _ in range(5)], return_exceptions=True
    )
    assert {type(each) for each in outcomes} == {Unavailable}

    place.past.away = False
    async with asyncio.timeout(10):
        while True:
            try:
                await place.limiter.reserve(call(own))
                break
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_alerts(place: Place) -> None:
    """A share of a limit is told when it is reached, and once."""
    own = key(limits(cost_per_month=100, tokens_total=1_000, alerts=(50, 80, 100)))
    for cost in (49, 2, 10, 39):
        held = call(own, cost=cost, tokens=1)
        await place.limiter.reserve(held)
        place.settle(held, Used(cost, 1, 1))
        await place.settled()

    told = [(each.rule, each.percent, each.used) for each in place.heard.crossings]
    assert told == [
        ("cost_per_month", 50, 51),
        ("cost_per_month", 80, 100),
        ("cost_per_month", 100, 100),
    ]
    [first, *_] = place.heard.crossings
    assert (first.kind, first.name, first.most, first.currency) == ("key", "k1", 100, "USD")


async def test_the_minute_slides(place: Place) -> None:
    """After the time that a refusal names there is room again, and not before."""
    own = key(limits(requests_per_minute=2))
    place.advance(0.25)
    for _ in range(2):
        await place.limiter.reserve(call(own))
        place.advance(10)
    error = await refused(place, call(own))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == pytest.approx(61.75 - 20)

    place.advance(error.retry_after_s - 0.01)
    await refused(place, call(own))
    place.advance(0.02)
    await place.limiter.reserve(call(own))
    await refused(place, call(own))


async def test_months_end_and_totals_do_not(place: Place) -> None:
    """With the first second of the next month a monthly budget is whole again."""
    monthly, total = key(limits(cost_per_month=10)), project(limits(cost_total=20))
    held = call(monthly, total, cost=10)
    await place.limiter.reserve(held)
    place.settle(held, Used(10, 1, 1))
    open_call = call(total, cost=10)
    await place.limiter.reserve(open_call)
    place.advance(40 * 86_400)

    await place.limiter.reserve(call(monthly, cost=10))
    place.settle(open_call, Used(10, 1, 1))
    await place.settled()
    error = await refused(place, call(total, cost=1))
    assert isinstance(error, BudgetSpent)
    assert "not renewed by itself" in error.message


async def test_a_call_ends_after_its_window(place: Place) -> None:
    """It does not count in windows that began after it was admitted; the total counts it."""
    own = key(limits(tokens_per_minute=100, tokens_per_month=100, tokens_total=1_000))
    held = call(own, tokens=100)
    await place.limiter.reserve(held)
    place.advance(40 * 86_400)
    place.settle(held, Used(0, 70, 1))

    assert await standing_of(place, call(own)) == {
        "key k1 tokens_per_minute": (0, 0),
        "key k1 tokens_per_month": (0, 0),
        "key k1 tokens_total": (70, 0),
    }
