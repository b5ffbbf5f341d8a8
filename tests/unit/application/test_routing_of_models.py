"""What documents say of a whole model holds whichever of them can serve."""

import pytest

from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.errors import Broken
from llmproxy.domain.routing import PLAIN, Strategy
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import deployment
from tests.unit.application.scripted import Scripted, ask, told

pytestmark = pytest.mark.asyncio


async def test_the_first_that_says_anything() -> None:
    """Of all documents of the code; without a word it is plain. A new snapshot is read anew."""
    least, quick = {"strategy": "least_outstanding"}, {"strategy": "lowest_latency"}
    first = deployment(id="a", routing=None)
    rooms = FakeRooms(
        FakeClock(), first, deployment(id="b", routing=least), deployment(id="c", routing=quick)
    )
    assert rooms.registry.routing("mini").strategy is Strategy.LEAST_OUTSTANDING
    assert rooms.registry.routing("nothing") is PLAIN
    rooms.registry.install(Snapshot((first, deployment(id="c", routing=quick))))
    assert rooms.registry.routing("mini").strategy is Strategy.LOWEST_LATENCY


async def test_its_author_need_not_be_ready() -> None:
    """Nor visible, nor payable: fallbacks and retries are those of the model all the same."""
    clock = FakeClock()
    down = Scripted(clock, Broken("down"))
    rooms = FakeRooms(
        clock,
        deployment(None, "no secret", id="m-0", code="mini", fallbacks=["b"]),
        deployment(down, id="m-1", code="mini", routing=None),
        deployment(Scripted(clock), id="b", code="b"),
    )
    assert await ask(rooms, clock) == "b"
    assert told(rooms) == [("m-1", "upstream_error"), ("b", None)]
