"""Models that stand in for one that fails: for which failures, for whom, and what is told."""

import asyncio

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.routing.breaker import EARLY_EVERY_S
from llmproxy.domain.errors import Broken, BudgetSpent, Busy, GatewayError, OwnFault, Refused
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import call, deployment, good_reply
from tests.unit.application.scripted import Scripted, ask, told

pytestmark = pytest.mark.asyncio

TOO_LONG = Refused("Long.", status=400, error={"code": "context_length_exceeded"})
FILTERED = Refused("Bad.", status=400, error={"code": "content_filter"})
WRONG = Refused("Wrong.", status=400, error={"code": "invalid_value"})
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@STREAM
async def test_another_model_stands_in(*, stream: bool) -> None:
    """The row says who answered; what was held of the first is given back, all of it."""
    clock = FakeClock()
    first = deployment(Scripted(clock, OwnFault("no")), id="a-1", code="mini", fallbacks=["b"])
    second = deployment(Scripted(clock), id="b-1", code="b")
    rooms = FakeRooms(clock, first, second)

    assert await ask(rooms, clock, stream=stream) == "b-1"
    assert told(rooms) == [("a-1", "upstream_misconfigured"), ("b-1", None)]
    assert (rooms.journal.last.model, rooms.journal.last.deployment) == ("b", "b-1")
    assert rooms.limiter.held == []
    [opening], [settlement] = rooms.journal.openings, rooms.journal.settlements
    assert opening.at == settlement.at


@STREAM
@pytest.mark.parametrize(
    ("cause", "error"),
    [("context_too_long", TOO_LONG), ("content_filter", FILTERED), ("busy", Busy("b"))],
)
async def test_named_causes(cause: str, error: GatewayError, *, stream: bool) -> None:
    """Each goes to the models that are named for it, and other failures do not."""
    clock = FakeClock()
    failing = Scripted(clock, error)
    rooms = FakeRooms(
        clock,
        deployment(failing, id="a", code="mini", fallbacks={cause: ["b"], "any": ["c"]}),
        deployment(Scripted(clock), id="b", code="b"),
        deployment(Scripted(clock), id="c", code="c"),
    )
    assert await ask(rooms, clock, stream=stream) == "b"
    failing.replies = [Broken("down")]
    assert await ask(rooms, clock, stream=stream) == "c"
    failing.replies = [WRONG]
    with pytest.raises(Refused):
        await ask(rooms, clock, stream=stream)


async def test_a_refusal_stands_when_nobody_mends_it() -> None:
    """The caller is told what is wrong with the request, not what befell those that stood in."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(
            Scripted(clock, TOO_LONG), id="a", code="mini", fallbacks={"context_too_long": ["b"]}
        ),
        deployment(Scripted(clock, Broken("down")), id="b", code="b"),
    )
    with pytest.raises(Refused, match="Long"):
        await ask(rooms, clock)
    assert rooms.journal.last.outcome is Outcome.REFUSED


async def test_a_stand_in_that_refuses() -> None:
    """The request was none of its own: the first model's failure is told."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(Scripted(clock, Broken("down")), id="a", code="mini", fallbacks=["b", "c"]),
        deployment(Scripted(clock, WRONG), id="b", code="b"),
        deployment(Scripted(clock), id="c", code="c"),
    )
    assert await ask(rooms, clock) == "c"
    rooms = FakeRooms(
        clock,
        deployment(Scripted(clock, Broken("down")), id="a", code="mini", fallbacks=["b"]),
        deployment(Scripted(clock, WRONG), id="b", code="b"),
    )
    with pytest.raises(Broken, match="down"):
        await ask(rooms, clock)


async def test_who_may_not_use_a_model_is_not_sent_there() -> None:
    """Private models of other projects, unknown ones and those that are over their limits."""
    clock = FakeClock()
    other = Scripted(clock)
    rooms = FakeRooms(
        clock,
        deployment(
            Scripted(clock, Broken("down")),
            id="a",
            code="mini",
            fallbacks=["b", "gone", "c"],
        ),
        deployment(other, id="b", code="b", private=True, projects=["elsewhere"]),
        deployment(Scripted(clock), id="c", code="c"),
    )
    assert await ask(rooms, clock) == "c"
    assert other.calls == []

    rooms.limiter.refuses = {"c": BudgetSpent("spent")}
    with pytest.raises(Broken):
        await ask(rooms, clock)
    assert rooms.limiter.held == []
    assert rooms.journal.settlements[-1].outcome is Outcome.FAILED


async def test_a_call_by_id_stays_there() -> None:
    """Who names a document wants that one."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(Scripted(clock, Broken("down")), id="a", code="mini", fallbacks=["b"]),
        deployment(Scripted(clock), id="b", code="b"),
    )
    with pytest.raises(Broken):
        await ask(rooms, clock, model="a")


async def test_a_model_that_is_not_ready_has_its_stand_in() -> None:
    """From the beginning, without an attempt; without one it is the platform's fault."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(None, "no secret", id="a", code="mini", fallbacks=["gone", "b", "c"]),
        deployment(Scripted(clock, Broken("down")), id="b", code="b"),
        deployment(Scripted(clock), id="c", code="c"),
    )
    assert await ask(rooms, clock) == "c"
    assert told(rooms) == [("b", "upstream_error"), ("c", None)]
    rooms = FakeRooms(clock, deployment(None, "no secret", id="a", code="mini", fallbacks=["x"]))
    with pytest.raises(OwnFault) as refused:
        await ask(rooms, clock)
    assert refused.value.code == "model_not_ready"


async def test_an_unwell_model_has_its_stand_in_first() -> None:
    """When every breaker is open the other model is asked before them, and they when it fails."""
    first, second, rooms = _outage(FakeClock())
    for _ in range(6):
        assert await ask(rooms, rooms.clock) == "b"
    assert len(first.calls) == 5
    second.replies = [Broken("down")]
    first.replies = [good_reply()]
    assert await ask(rooms, rooms.clock) == "a"
    assert told(rooms) == [("b", "upstream_error"), ("a", None)]


def _outage(clock: FakeClock) -> tuple[Scripted, Scripted, FakeRooms]:
    """A model whose only deployment fails, and one that stands in; calls take no time."""
    first, second = Scripted(clock, Broken("down")), Scripted(clock)
    first.takes_s = second.takes_s = 0.0
    asked = deployment(first, id="a", code="mini", fallbacks=["b"])
    return first, second, FakeRooms(clock, asked, deployment(second, id="b", code="b"))


async def test_who_has_recovered_is_found_soon() -> None:
    """While no deployment is well one call at a time tries each, now and then, before its time."""
    first, _, rooms = _outage(FakeClock())
    for _ in range(6):
        assert await ask(rooms, rooms.clock) == "b"
    rooms.clock.advance(EARLY_EVERY_S)
    for _ in range(3):
        assert await ask(rooms, rooms.clock) == "b"
    assert len(first.calls) == 6

    first.replies = [good_reply()]
    rooms.clock.advance(EARLY_EVERY_S)
    for _ in range(3):
        assert await ask(rooms, rooms.clock) == "a"


async def test_nobody_tries_beside_an_early_try() -> None:
    """A provider that hangs holds up one call."""
    first, _, rooms = _outage(FakeClock())
    for _ in range(5):
        await ask(rooms, rooms.clock)
    first.hangs = True
    rooms.clock.advance(EARLY_EVERY_S)
    held_up = asyncio.create_task(ask(rooms, rooms.clock))
    await asyncio.sleep(0)
    for _ in range(3):
        rooms.clock.advance(EARLY_EVERY_S)
        assert await ask(rooms, rooms.clock) == "b"
    assert len(first.calls) == 6
    held_up.cancel()
    await asyncio.gather(held_up, return_exceptions=True)


async def test_a_refusal_is_one_for_all_deployments_of_a_stand_in() -> None:
    """The next one would refuse it too."""
    clock = FakeClock()
    refusing = [Scripted(clock, WRONG) for _ in range(3)]
    rooms = FakeRooms(
        clock,
        deployment(Scripted(clock, Broken("down")), id="a", code="mini", fallbacks=["b"]),
        *[deployment(each, id=f"b-{n}", code="b") for n, each in enumerate(refusing)],
    )
    with pytest.raises(Broken, match="down"):
        await ask(rooms, clock)
    assert sum(len(each.calls) for each in refusing) == 1


async def test_a_slice_of_a_session_has_no_stand_in() -> None:
    """It is for the deployment that talks: of one that is not ready any more it is refused."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(None, "gone", id="a", code="mini", fallbacks=["b"]),
        deployment(Scripted(clock), id="b", code="b"),
    )
    talking = deployment(Scripted(clock), id="a", code="mini")
    with pytest.raises(OwnFault):
        await rooms.admit(call(clock), talking)
    assert rooms.limiter.held == []
