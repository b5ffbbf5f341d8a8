"""What every Limiter does with deployments that have limits, and what it tells of what is left."""

import asyncio

import pytest

from llmproxy.application.interfaces.limiter import NO_LANE, NOTHING_USED, Used
from llmproxy.domain.errors import RateLimited
from tests.contract.limiter_places import (
    Place,
    call,
    deployment,
    key,
    limits,
    project,
    refused,
    standing_of,
)

pytestmark = pytest.mark.asyncio


async def test_lanes(place: Place) -> None:
    """The first deployment with room is held; its limit is told only when every one is full."""
    lanes = (
        deployment(limits(requests_per_minute=1), "east"),
        deployment(limits(requests_per_minute=1), "west"),
    )
    calls = [call(lanes=lanes) for _ in range(2)]
    for each in calls:
        await place.limiter.reserve(each)

    assert [each.lane for each in calls] == [0, 1]
    error = await refused(place, call(lanes=lanes))
    assert "at its deployment `" in error.message
    assert "Used" not in error.message  # others have used it

    unlimited = call(lanes=(lanes[0], None))
    await place.limiter.reserve(unlimited)
    assert unlimited.lane == 1

    place.settle(calls[0], NOTHING_USED)
    await place.settled()
    again = call(lanes=lanes)
    await place.limiter.reserve(again)
    assert again.lane == 0


async def test_moving_to_another_lane(place: Place) -> None:
    """The deployment that is left gets all back, the next one is held and counts what was used."""
    lanes = (
        deployment(limits(tokens_per_day=100), "east"),
        deployment(limits(tokens_per_day=100), "west"),
        deployment(limits(tokens_per_day=10), "tiny"),
        None,
    )
    own = key(limits(tokens_per_day=500))
    held = call(own, lanes=lanes, tokens=80)
    await place.limiter.reserve(held)
    await place.limiter.move(held, 1)
    assert held.lane == 1

    with pytest.raises(RateLimited):
        await place.limiter.move(held, 2)
    stood = await standing_of(place, held)
    assert [used for name, used in stood.items() if "deployment" in name] == [(0, 0)] * 3
    assert stood["key k1 tokens_per_day"] == (0, 80)

    await place.limiter.move(held, 1)
    place.settle(held, Used(0, 30, 1))
    stood = await standing_of(place, held)
    assert stood["deployment west tokens_per_day"] == (30, 0)
    assert stood["deployment east tokens_per_day"] == (0, 0)
    assert stood["key k1 tokens_per_day"] == (30, 0)

    second = call(own, lanes=lanes, tokens=80)
    await place.limiter.reserve(second)
    await place.limiter.move(second, 3)
    place.settle(second, Used(0, 5, 1))
    assert (await standing_of(place, second))["deployment east tokens_per_day"] == (0, 0)


async def test_a_lane_that_was_not_asked(place: Place) -> None:
    """A kept answer was found after all: caller and model count a request, no deployment does.

    So does who rebuilds the counters.
    """
    lanes = (deployment(limits(requests_per_minute=3, tokens_per_day=100), "east"),)
    own = key(limits(requests_per_day=9, tokens_per_day=500))
    for asked in (False, True):
        held = call(own, lanes=lanes, tokens=80)
        await place.limiter.reserve(held)
        place.settle(held, Used(0, 0, 1), asked=asked)
    expected = {
        "key k1 requests_per_day": (2, 0),
        "key k1 tokens_per_day": (0, 0),
        "deployment east requests_per_minute": (1, 0),
        "deployment east tokens_per_day": (0, 0),
    }
    assert await standing_of(place, call(own, lanes=lanes)) == expected
    await place.restart()
    assert await standing_of(place, call(own, lanes=lanes)) == expected


@pytest.mark.parametrize("moves_back", [True, False])
async def test_after_a_refused_move(place: Place, moves_back: bool) -> None:  # noqa: FBT001
    """No lane is held: the old one is held anew, or nothing of any lane is given back."""
    lanes = (
        deployment(limits(tokens_per_day=100, at_once=1), "east"),
        deployment(limits(tokens_per_day=10), "tiny"),
    )
    own = key(limits(tokens_per_day=500))
    held = call(own, lanes=lanes, tokens=80)
    await place.limiter.reserve(held)
    with pytest.raises(RateLimited):
        await place.limiter.move(held, 1)
    assert held.lane == NO_LANE
    assert await standing_of(place, held) == {
        "key k1 tokens_per_day": (0, 80),
        "deployment east tokens_per_day": (0, 0),
        "deployment east concurrent_requests": (0, 0),
        "deployment tiny tokens_per_day": (0, 0),
    }
    if moves_back:
        await place.limiter.move(held, 0)
        assert held.lane == 0
        stood = await standing_of(place, held)
        assert stood["deployment east tokens_per_day"] == (0, 80)
        assert stood["deployment east concurrent_requests"] == (1, 0)
        await refused(place, call(lanes=lanes, tokens=20))

    place.settle(held, NOTHING_USED)
    assert set((await standing_of(place, held)).values()) == {(0, 0)}
    again = call(own, lanes=lanes, tokens=100)
    await place.limiter.reserve(again)
    assert again.lane == 0


async def test_after_a_move_that_nobody_waits_for(place: Place) -> None:
    """No lane is held either, unless the move has come first: in memory it does not wait."""
    lanes = tuple(deployment(limits(tokens_per_day=100), name) for name in ("east", "west"))
    held = call(lanes=lanes, tokens=80)
    await place.limiter.reserve(held)
    moving = asyncio.create_task(place.limiter.move(held, 1))
    await asyncio.sleep(0)
    moving.cancel()
    await asyncio.wait([moving])
    assert held.lane == (NO_LANE if moving.cancelled() else 1)
    place.settle(held, NOTHING_USED, asked=False)
    # What the move has held is given back when Redis answers it, which is before it answers this.
    await standing_of(place, held)
    assert set((await standing_of(place, held)).values()) == {(0, 0)}


async def test_what_is_left(place: Place) -> None:
    """Headers tell of the window with the smallest share left, after this call."""
    scopes = (
        key(limits(requests_per_minute=10, tokens_per_day=1_000)),
        project(limits(requests_per_day=4, tokens_per_minute=1_000, cost_total=99)),
    )
    held = call(*scopes, tokens=100, cost=1)
    await place.limiter.reserve(held)
    place.settle(held, Used(1, 300, 1))
    await place.settled()
    held = call(*scopes, tokens=100, cost=1)
    await place.limiter.reserve(held)

    assert held.quota is not None
    requests, tokens = held.quota
    assert requests is not None
    assert (requests.most, requests.left) == (4, 2)
    assert 86_400 <= requests.reset_s <= 87_300
    assert tokens is not None
    assert (tokens.most, tokens.left) == (1_000, 600)


async def test_a_refused_call_is_told_what_is_left(place: Place) -> None:
    """A refusal carries the same figures, and the call itself does not count in them."""
    own = key(limits(requests_per_minute=1))
    await place.limiter.reserve(call(own))
    late = call(own)
    await refused(place, late)

    assert late.quota is not None
    assert late.quota.requests is not None
    assert (late.quota.requests.most, late.quota.requests.left) == (1, 0)


async def test_standing(place: Place) -> None:
    """It says what would become of a call, in the words of the refusal, and holds nothing."""
    own = key(limits(requests_per_minute=1, at_once=5))
    standing = await place.limiter.standing(call(own))
    assert standing.refusal is None
    assert [(each.setting, each.used, each.most) for each in standing.limits[1:]] == [
        ("requests_per_minute", 0, 1),
        ("concurrent_requests", 0, 5),
    ]

    await place.limiter.reserve(call(own))
    standing = await place.limiter.standing(call(own))
    assert isinstance(standing.refusal, RateLimited)
    assert standing.refusal.message.startswith("Rate limit reached for `gpt` with key `k1`")
    assert standing.limits[1].reset_s is not None
    assert standing.limits[1].reset_s > 50
