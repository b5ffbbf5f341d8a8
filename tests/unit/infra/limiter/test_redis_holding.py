"""What a settled call leaves to be told to Redis, and in the shares that let it through."""

from typing import Any

import pytest

from llmproxy.application.interfaces.limiter import Scope, Used
from llmproxy.domain.limit import Measure
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.infra.limiter.redis_holding import Holding
from llmproxy.infra.limiter.redis_refusing import Found
from llmproxy.infra.limiter.redis_scope import Tracked
from tests.contract.limiter_places import call, deployment, key, limits

HERE = 7
"""The generation of the seat."""
FILE, END, NOW = "file", 100, 1_000_000.0


class Room:
    """Of a worker that has Redis before it, and nothing else to count in."""

    generation = HERE

    def __init__(self) -> None:
        self.seat = self.files = self.telling = self.joining = self
        self.has_changed: list[str] = []

    def now(self) -> float:
        """Return the time."""
        return NOW

    def place(self) -> tuple[str, int]:
        """Return where the journal ends."""
        return FILE, END

    def changed(self, tracked: Tracked) -> None:
        """Note who has something to tell."""
        self.has_changed.append(tracked.name)

    def lose(self, _: Tracked) -> None:
        """Nobody joins here."""

    def others(self, *_: object) -> list[Tracked]:
        """No other limits were made meanwhile."""
        return []


def _tracked(scope: Scope) -> Tracked:
    kind, name, own = scope
    tracked = Tracked(kind, name, "USD", (FILE, 0))
    tracked.adopt(own)
    tracked.begin_telling(HERE, {})
    tracked.share = ScopeCounters(own)
    tracked.share.extend(own, int(NOW))
    tracked.share.adopt(own)
    return tracked


def _shared(tracked: Tracked) -> list[tuple[int, int]]:
    """Return what is used and held of requests and tokens."""
    assert tracked.share is not None
    counters = {each.measure: each for each in tracked.share.all}
    found = (counters[Measure.REQUESTS], counters[Measure.TOKENS])
    return [(each.used, each.held) for each in found]


@pytest.mark.parametrize("asked", [True, False])
def test_a_lane_counts_where_it_was_asked(asked: bool) -> None:  # noqa: FBT001
    """Else it gets all back, as if it had never been held; caller and model count in any case."""
    own = limits(requests_per_day=9, tokens_per_day=500)
    room: Any = Room()
    holding = Holding(room, remembers=False)
    whose, lane = _tracked(key(own)), _tracked(deployment(own, "east"))
    reservation = call(key(own), tokens=80, lanes=(deployment(own, "east"),))
    holding.let_through(Found(reservation, [whose], [lane]), 0)
    assert _shared(lane) == [(0, 1), (0, 80)]

    reservation.deployment = "east" if asked else None
    holding.settle(reservation, Used(0, 0, 1))
    step = int(NOW) // 2
    assert whose.used == {FILE: (END, {step: [1, 0, 0]})}
    assert lane.used == ({FILE: (END, {step: [1, 0, 0]})} if asked else {})
    for each in (whose, lane):
        assert each.given == {step: [1, 80, 0]}
        assert each.held == {}
        assert each.name in room.has_changed
    assert _shared(whose) == [(1, 0), (0, 0)]
    assert _shared(lane) == [(int(asked), 0), (0, 0)]
