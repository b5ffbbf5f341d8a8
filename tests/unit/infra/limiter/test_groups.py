"""Counters that are remembered for a caller's scopes: what changes them is noticed."""

import pytest

from llmproxy.application.interfaces.limiter import Reservation, Scope, Used
from llmproxy.domain.errors import Forbidden, RateLimited
from llmproxy.infra.limiter.rebuilding import Bounds
from tests.contract.limiter_places import InMemory, call, key, limits, model, project

pytestmark = pytest.mark.asyncio
ONE = Used(1, 1, 1)


def same(scopes: tuple[Scope, ...], *, cost: int = 1, currency: str = "USD") -> Reservation:
    """A call that brings this very tuple, as the registry hands it out."""
    asked = call(cost=cost, currency=currency)
    asked.scopes = scopes
    return asked


async def stands(place: InMemory, scopes: tuple[Scope, ...]) -> list[tuple[int, int]]:
    standing = await place.limiter.standing(same(scopes))
    return [(each.used, each.held) for each in standing.limits[1:]]


async def test_two_callers_share_a_model() -> None:
    """What one of them takes the other lacks, whatever each remembers."""
    place = InMemory()
    shared = model(limits(requests_per_minute=3))
    first = (key(limits(requests_per_minute=9), "k1"), shared)
    second = (key(limits(requests_per_minute=9), "k2"), shared)
    for scopes in (first, second, first):
        await place.limiter.reserve(same(scopes))
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(second))
    assert await stands(place, second) == [(0, 1), (0, 3)]
    place.advance(62)
    await place.limiter.reserve(same(second))
    assert await stands(place, first) == [(0, 0), (0, 1)]


async def test_a_refused_call_takes_nothing_back_from_others() -> None:
    """The counters before the full one are as before, those behind were not touched."""
    place = InMemory()
    scopes = (
        key(limits(requests_per_minute=9, tokens_per_minute=9, cost_per_day=9)),
        project(limits(cost_total=1, at_once=9)),
        model(limits(requests_per_day=9)),
    )
    held = same(scopes)
    await place.limiter.reserve(held)
    before = await stands(place, scopes)
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(scopes))
    assert await stands(place, scopes) == before
    place.settle(held, ONE)
    assert all(each[1] == 0 for each in (await stands(place, scopes))[:-1])


async def test_limits_are_replaced_while_calls_run() -> None:
    """They end in the counters that are new too, and the older tuple counts in these as well."""
    place = InMemory()
    old = (key(limits(requests_per_minute=5)),)
    new = (key(limits(requests_per_minute=2, requests_per_day=9)),)
    running = same(old)
    await place.limiter.reserve(running)
    await place.limiter.reserve(same(new))
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(new))
    await place.limiter.reserve(same(old))
    place.settle(running, ONE)
    assert await stands(place, new) == [(1, 2), (1, 2)]
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(new))


async def test_calls_at_once_are_limited_while_some_run() -> None:
    """Those that run are counted from the beginning, also when the limit goes and comes back."""
    place = InMemory()
    free = (key(limits(requests_per_day=9)),)
    bound = (key(limits(requests_per_day=9, at_once=2)),)
    running = [same(free) for _ in range(2)]
    for each in running:
        await place.limiter.reserve(each)
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(bound))
    place.settle(running.pop(), ONE)
    await place.limiter.reserve(same(bound))
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(bound))
    await stands(place, free)
    place.settle(running.pop(), ONE)
    await place.limiter.reserve(same(bound))
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(bound))


async def test_calls_in_two_currencies() -> None:
    """One tuple, asked for with each of them in turn."""
    place = InMemory()
    scopes = (key(limits(requests_per_day=9)), project(limits(cost_total=5, requests_per_day=9)))
    for _ in range(2):
        held = same(scopes)
        await place.limiter.reserve(held)
        place.settle(held, ONE)
        with pytest.raises(Forbidden):
            await place.limiter.reserve(same(scopes, currency="EUR"))
        free = same(scopes, cost=0, currency="EUR")
        await place.limiter.reserve(free)
        place.settle(free, Used(0, 1, 1))
    assert await stands(place, scopes) == [(4, 0), (2, 0), (4, 0)]


async def test_a_remembered_scope_was_forgotten() -> None:
    """It is rebuilt from the past, and not counted where nobody looks any more."""
    place = InMemory(Bounds(most_scopes=2, kept_scopes=1))
    scopes = (key(limits(requests_per_day=2), "k0"),)
    for number in range(4):
        one = same((key(limits(requests_per_day=2), f"k{number}"),) if number else scopes)
        one.key_id = one.scopes[0].name
        await place.limiter.reserve(one)
        place.settle(one, ONE)
    again = same(scopes)
    again.key_id = "k0"
    await place.limiter.reserve(again)
    with pytest.raises(RateLimited):
        await place.limiter.reserve(same(scopes))


async def test_more_callers_than_are_remembered() -> None:
    """All are found anew, with what they have used."""
    place = InMemory(Bounds(most_groups=2))
    tuples = [(key(limits(requests_per_day=2), f"k{number}"),) for number in range(5)]
    for _ in range(2):
        for scopes in tuples:
            held = same(scopes)
            held.key_id = scopes[0].name
            await place.limiter.reserve(held)
            place.settle(held, ONE)
    for scopes in tuples:
        with pytest.raises(RateLimited):
            await place.limiter.reserve(same(scopes))
