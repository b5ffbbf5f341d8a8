"""What every Limiter does, run against each: nothing passes a limit, and nothing is lost of it."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import NOTHING_USED, Used
from llmproxy.domain.errors import BudgetSpent, Forbidden, RateLimited
from tests.contract.limiter_places import (
    Place,
    call,
    key,
    limits,
    model,
    project,
    refused,
    standing_of,
)

pytestmark = pytest.mark.asyncio


async def test_no_limits(place: Place) -> None:
    """A call that nothing limits is let through, has its time, and leaves nothing behind."""
    held = call()
    await place.limiter.reserve(held)
    place.settle(held, Used(5, 5, 1))

    assert held.at == pytest.approx(place.now(), abs=5)
    assert held.quota is None
    assert place.past.asked == []


async def test_a_rate(place: Place) -> None:
    """As many as may, then a refusal that names the limit and when to come again."""
    own = key(limits(requests_per_minute=3))
    for _ in range(3):
        await place.limiter.reserve(call(own))

    error = await refused(place, call(own))

    assert error.code == "rate_limit_exceeded"
    assert isinstance(error, RateLimited)
    assert not error.final
    assert error.retry_after_s is not None
    assert 55 <= error.retry_after_s <= 62
    assert error.message.startswith(
        "Rate limit reached for `gpt` with key `k1` on requests per min (RPM): "
        "Limit 3, Used 3, Requested 1. Please try again in "
    )
    assert "`requests_per_minute` of the key" in error.message


async def test_all_or_nothing(place: Place) -> None:
    """A call that one scope refuses holds nothing in the others."""
    scopes = (
        key(limits(tokens_per_day=100)),
        project(limits(tokens_per_day=50)),
        model(limits(tokens_per_day=80)),
    )
    await place.limiter.reserve(call(*scopes, tokens=30))

    error = await refused(place, call(*scopes, tokens=30))

    assert "in project `alpha` on tokens per day (TPD)" in error.message
    assert await standing_of(place, call(*scopes, tokens=1)) == {
        "key k1 tokens_per_day": (0, 30),
        "project alpha tokens_per_day": (0, 30),
        "model gpt tokens_per_day": (0, 30),
    }


async def test_settling(place: Place) -> None:
    """What was used takes the place of what was held, in every scope and window."""
    most = {"requests_total": 9, "tokens_per_minute": 99, "cost_per_day": 999, "cost_per_month": 99}
    scopes = (key(limits(**most)), project(limits(**most)))
    held = call(*scopes, cost=40, tokens=50)
    await place.limiter.reserve(held)
    before = await standing_of(place, held)
    place.settle(held, Used(3, 7, 1))
    after = await standing_of(place, held)

    assert set(before.values()) == {(0, 1), (0, 50), (0, 40)}
    assert after == {
        f"{scope} {field}": (used, 0)
        for scope in ("key k1", "project alpha")
        for field, used in [
            ("requests_total", 1),
            ("tokens_per_minute", 7),
            ("cost_per_day", 3),
            ("cost_per_month", 3),
        ]
    }


async def test_all_is_given_back(place: Place) -> None:
    """A call that came to nothing does not count, not even as a request."""
    own = key(limits(requests_per_minute=1, cost_total=10, at_once=1))
    for _ in range(3):
        held = call(own, cost=10)
        await place.limiter.reserve(held)
        place.settle(held, NOTHING_USED)
        await place.settled()

    assert set((await standing_of(place, held)).values()) == {(0, 0)}


async def test_a_budget_to_its_last_affordable_request(place: Place) -> None:
    """Upper bounds are held, real costs are counted, and what is left can be spent."""
    own = project(limits(cost_per_month=100))
    first, second = call(own, cost=60), call(own, cost=40)
    await place.limiter.reserve(first)
    await place.limiter.reserve(second)

    held_up = await refused(place, call(own, cost=1))
    assert (held_up.code, type(held_up)) == ("budget_reserved", RateLimited)
    assert isinstance(held_up, RateLimited)
    assert held_up.retry_after_s == 1.0

    place.settle(first, Used(50, 1, 1))
    place.settle(second, Used(40, 1, 1))
    await place.settled()
    last = call(own, cost=10)
    await place.limiter.reserve(last)
    place.settle(last, Used(10, 1, 1))
    await place.settled()

    spent = await refused(place, call(own, cost=1))
    assert isinstance(spent, BudgetSpent)
    assert spent.code == "insufficient_quota"
    assert spent.message.startswith("You exceeded your current quota, please check your plan")
    assert "in project `alpha` on cost per month" in spent.message
    assert "Limit 0.0000001 USD, Used 0.0000001 USD" in spent.message


async def test_what_costs_nothing_needs_no_budget(place: Place) -> None:
    """A spent budget does not stand in the way of a free call."""
    own = key(limits(cost_total=10))
    held = call(own, cost=10)
    await place.limiter.reserve(held)
    place.settle(held, Used(10, 1, 1))
    await place.settled()

    assert isinstance(await refused(place, call(own, cost=1)), BudgetSpent)
    await place.limiter.reserve(call(own, cost=0))


async def test_larger_than_the_limit(place: Place) -> None:
    """No waiting helps a call that is larger than the whole limit, and it is told so."""
    error = await refused(place, call(key(limits(tokens_per_minute=100)), tokens=101))

    assert isinstance(error, RateLimited)
    assert error.final
    assert error.retry_after_s is None
    assert error.message.startswith("Request too large for `gpt` with key `k1` on tokens per min")
    assert "Limit 100, Requested 101" in error.message


async def test_zero_allows_nothing(place: Place) -> None:
    """A limit of zero refuses every call, once and for all."""
    requests = await refused(place, call(key(limits(requests_per_minute=0))))
    budget = await refused(place, call(key(limits(cost_total=0), "k2"), cost=1))
    at_once = await refused(place, call(key(limits(at_once=0), "k3")))

    assert isinstance(requests, RateLimited)
    assert requests.final
    assert isinstance(budget, BudgetSpent)
    assert isinstance(at_once, RateLimited)
    assert at_once.final


async def test_concurrent_requests(place: Place) -> None:
    """So many run at once; each end makes room for one."""
    own = key(limits(at_once=2))
    first, second = call(own), call(own)
    await place.limiter.reserve(first)
    await place.limiter.reserve(second)

    error = await refused(place, call(own))
    assert isinstance(error, RateLimited)
    assert (error.code, error.retry_after_s) == ("rate_limit_exceeded", 1.0)
    assert "concurrent requests: Limit 2, Running 2" in error.message

    place.settle(first, NOTHING_USED)
    await place.settled()
    await place.limiter.reserve(call(own))


async def test_exactly_as_many_as_may(place: Place) -> None:
    """Of 500 calls at once a budget for 100 admits 100, and they can spend it to the last."""
    scopes = (key(limits(cost_per_month=1_000)), project(limits(cost_total=1_000)))
    calls = [call(*scopes, cost=10) for _ in range(500)]

    outcomes = await asyncio.gather(
        *[place.limiter.reserve(each) for each in calls], return_exceptions=True
    )

    admitted = [each for each, error in zip(calls, outcomes, strict=True) if error is None]
    errors = [error for error in outcomes if error is not None]
    assert len(admitted) == 100
    assert {type(error) for error in errors} == {RateLimited}
    for each in admitted:
        place.settle(each, Used(10, 1, 1))
    await place.settled()
    assert isinstance(await refused(place, call(*scopes, cost=10)), BudgetSpent)


async def test_another_currency(place: Place) -> None:
    """A budget in one currency refuses what is priced in another, unless it is free."""
    own = key(limits(currency="EUR", cost_total=10))
    with pytest.raises(Forbidden) as raised:
        await place.limiter.reserve(call(own, cost=1, currency="USD"))

    assert raised.value.code == "budget_currency"
    await place.limiter.reserve(call(own, cost=0, currency="USD"))
    await place.limiter.reserve(call(own, cost=10, currency="EUR"))
