"""When a share of a limit is told by the limiter of one worker."""

import pytest

from llmproxy.application.interfaces.limiter import NOTHING_USED, Used
from tests.contract.limiter_places import InMemory, call, key, limits

pytestmark = pytest.mark.asyncio


def told(place: InMemory) -> list[tuple[str, int, int]]:
    return [(each.rule, each.percent, each.used) for each in place.heard.crossings]


async def test_shares_of_what_was_not_held_are_told_later() -> None:
    """The limits may be gone when it is counted; the next call that they let in tells."""
    place = InMemory()
    own = key(limits(tokens_per_minute=10, cost_total=10, alerts=(50,)))
    await place.limiter.standing(call(own))
    unlimited = call()
    await place.limiter.reserve(unlimited)
    place.settle(unlimited, Used(5, 5, 1))
    assert told(place) == []

    held = call(own, cost=1, tokens=1)
    await place.limiter.reserve(held)
    place.settle(held, NOTHING_USED)
    assert told(place) == [("tokens_per_minute", 50, 5), ("cost_total", 50, 5)]


async def test_requests_tell_shares_when_they_are_held() -> None:
    """A request in flight is a request: its share is told at once, and not again at its end."""
    place = InMemory()
    held = call(key(limits(requests_per_minute=2, alerts=(50, 100))))
    await place.limiter.reserve(held)
    assert told(place) == [("requests_per_minute", 50, 1)]
    place.settle(held, Used(0, 0, 1))
    assert told(place) == [("requests_per_minute", 50, 1)]
