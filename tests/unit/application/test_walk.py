"""Who is asked next: others, those that stand in, the same one again, and for how long."""

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.routing.ward import Change, State
from llmproxy.domain.errors import (
    Broken,
    Busy,
    GatewayError,
    OwnFault,
    Refused,
    TimedOut,
)
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
@pytest.mark.parametrize("error", [Broken("down"), Busy("busy")], ids=["broken", "busy"])
async def test_one_deployment_is_asked_again(error: GatewayError, *, stream: bool) -> None:
    """After pauses that double; providers were waited for in them, as overhead tells."""
    clock = FakeClock()
    provider = Scripted(clock, error, error, good_reply())
    rooms = FakeRooms(clock, deployment(provider, id="m", code="mini", routing={}))

    assert await ask(rooms, clock, stream=stream) == "m"
    assert rooms.pauses == [0.25, 0.5]
    assert told(rooms) == [("m", error.code), ("m", error.code), ("m", None)]
    assert rooms.journal.last.outcome is Outcome.FINISHED
    assert rooms.journal.last.overhead_s == pytest.approx(0.0)


@STREAM
async def test_not_for_ever(*, stream: bool) -> None:
    """Two retries unless the document says another number; the last failure is told."""
    clock = FakeClock()
    for routing, asked in (({}, 3), ({"retries": 0}, 1), ({"retries": 4}, 5)):
        provider = Scripted(clock, Broken("down"))
        rooms = FakeRooms(clock, deployment(provider, code="mini", routing=routing))
        with pytest.raises(Broken):
            await ask(rooms, clock, stream=stream)
        assert (len(provider.calls), len(told(rooms))) == (asked, asked)


@pytest.mark.parametrize(
    "error",
    [OwnFault("ours"), TimedOut("late"), WRONG, Broken("gone", code="upload_lost")],
    ids=["own", "late", "refused", "upload"],
)
async def test_what_is_not_asked_again(error: GatewayError) -> None:
    """What will not change, and what was waited for in vain."""
    clock = FakeClock()
    provider = Scripted(clock, error)
    rooms = FakeRooms(clock, deployment(provider, code="mini", routing={}))
    with pytest.raises(type(error)):
        await ask(rooms, clock)
    assert len(provider.calls) == 1


async def test_a_providers_own_timeout_is_asked_again() -> None:
    """It answered, with 408 or 504: that was quick."""
    clock = FakeClock()
    late = TimedOut("late")
    late.upstream_status = 504
    rooms = FakeRooms(
        clock, deployment(Scripted(clock, late, good_reply()), id="m", code="mini", routing={})
    )
    assert await ask(rooms, clock) == "m"


async def test_the_wait_that_a_provider_asks_for() -> None:
    """Is kept, up to ten seconds; for more nobody waits."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(
            Scripted(clock, Busy("b", retry_after_s=7.0), good_reply()), code="mini", routing={}
        ),
    )
    await ask(rooms, clock)
    assert rooms.pauses == [7.0]

    provider = Scripted(clock, Busy("b", retry_after_s=10.5))
    rooms = FakeRooms(clock, deployment(provider, code="mini", routing={}))
    with pytest.raises(Busy):
        await ask(rooms, clock)
    assert (rooms.pauses, len(provider.calls)) == ([], 1)


async def test_no_retry_outlasts_the_client() -> None:
    """A pause that ends after the client's own limit is not begun."""
    clock = FakeClock()
    provider = Scripted(clock, Busy("b", retry_after_s=2.0))
    provider.takes_s = 1.0
    for silence_s, asked in ((2.9, 1), (3.1, 2)):
        provider.calls.clear()
        rooms = FakeRooms(clock, deployment(provider, code="mini", routing={}))
        with pytest.raises(Busy):
            await ask(rooms, clock, silence_s=silence_s)
        assert len(provider.calls) == asked


async def test_an_outage_is_not_multiplied() -> None:
    """Retries are a fifth of the calls and ten a second; here no second passes."""
    clock = FakeClock()
    provider = Scripted(clock, Broken("down"))
    provider.takes_s = 0.0
    rooms = FakeRooms(clock, deployment(provider, code="mini", routing={}))
    rooms.still = True
    for _ in range(100):
        with pytest.raises(Broken):
            await ask(rooms, clock)
    assert 100 < len(provider.calls) <= 100 + 20 + 10


@STREAM
async def test_the_first_failover_is_free(*, stream: bool) -> None:
    """However long the outage of one deployment lasts, the other one answers every call."""
    clock = FakeClock()
    down, up = Scripted(clock, Broken("down")), Scripted(clock)
    down.takes_s = up.takes_s = 0.0
    rooms = FakeRooms(clock, deployment(down, id="m-1"), deployment(up, id="m-2"))
    for _ in range(200):
        assert await ask(rooms, clock, stream=stream) == "m-2"


async def test_a_client_that_leaves_in_a_pause_pays_nothing() -> None:
    """Nobody works then."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(Scripted(clock, Broken("down")), code="mini", routing={}))
    rooms.leaves_in_pause = True
    with pytest.raises(BaseException, match="left"):
        await ask(rooms, clock)
    closed = rooms.journal.last
    assert (closed.outcome, closed.cost_nano, closed.counted) == (Outcome.ABORTED, 0, 0)
    assert told(rooms) == [("gpt-mini", "upstream_error")]
    assert closed.overhead_s == 0.0


async def test_pauses_of_a_stream_have_pulses() -> None:
    """So that its client is kept company, however long a provider asks to be left alone."""
    clock = FakeClock()
    provider = Scripted(clock, Busy("b", retry_after_s=2.5), good_reply())
    rooms = FakeRooms(clock, deployment(provider, code="mini", routing={}))
    streamed = await rooms.stream(call(clock, stream=True))
    streamed.pulse_every(1.0)

    read = [await streamed.next() for _ in range(4)]
    assert read == [b"", b"", b"content", None]
    assert rooms.pauses == [1.0, 1.0, 0.5]


async def test_those_that_are_well_are_asked_whatever_the_budget() -> None:
    """A storm that has emptied the budget hides no healthy deployment: breakers bound the rest."""
    clock = FakeClock()
    down = [Scripted(clock, Broken("down")) for _ in range(3)]
    up = Scripted(clock)
    for provider in (*down, up):
        provider.takes_s = 0.0
    made = [deployment(each, id=f"m-{n}") for n, each in enumerate((*down, up))]
    rooms = FakeRooms(clock, *made)
    budget = rooms.fleet.budget("mini")
    while budget.take():
        continue
    for _ in range(8):
        assert await ask(rooms, clock) == "m-3"


async def test_who_falls_ill_meanwhile_is_left_for_last() -> None:
    """The order was made before: what others have found since counts."""
    clock = FakeClock()
    slow, ill, well = Scripted(clock, TimedOut("late")), Scripted(clock), Scripted(clock)
    made = [deployment(each, id=f"m-{n}") for n, each in enumerate((slow, ill, well))]
    rooms = FakeRooms(clock, *made)
    admission = await rooms.admit(call(clock))
    assert [each.model.id for each in admission.plan] == ["m-0", "m-1", "m-2"]
    rooms.fleet.hear(Change("m-1", State.OPEN, clock.now() + 30.0))
    _, answered = await rooms.dispatch.answer(admission)
    assert (answered.model.id, len(ill.calls)) == ("m-2", 0)

    slow.replies, well.replies = [Broken("down")], [Broken("down")]
    assert await ask(rooms, clock) == "m-1"


async def test_a_deployment_is_held_anew_when_it_is_asked_again() -> None:
    """Another one's own limits stood in between: then nothing was held of any."""
    clock = FakeClock()
    down, full = Scripted(clock, Broken("down"), good_reply()), Scripted(clock)
    limits = {"tokens_per_minute": 1_000_000}
    rooms = FakeRooms(
        clock,
        deployment(down, id="m-0", routing={"retries": 1}, limits=limits),
        deployment(full, id="m-1", limits=limits),
    )
    rooms.limiter.full = {1}
    assert await ask(rooms, clock) == "m-0"
    assert rooms.limiter.moves == [1, 0]


async def test_what_is_too_late_takes_nothing_more() -> None:
    """Neither of the budget nor of what a breaker allows before its time."""
    clock = FakeClock()
    late, ill = Scripted(clock, TimedOut("late")), Scripted(clock)
    late.takes_s = 5.0
    rooms = FakeRooms(clock, deployment(late, id="m-0"), deployment(ill, id="m-1"))
    sick = rooms.fleet.health(rooms.registry.snapshot.deployments[1])
    rooms.fleet.hear(Change("m-1", State.OPEN, clock.now() + 60.0))
    clock.advance(1.0)
    with pytest.raises(TimedOut):
        await ask(rooms, clock, silence_s=5.0)
    assert ill.calls == []
    assert sick.takes_early(clock.monotonic())
