"""Sessions in frames: relayed both ways, paid in slices, settled in every outcome."""

import asyncio
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.upstream import Deployment, Reading
from llmproxy.application.use_cases.duplex import Duplex, Session
from llmproxy.domain.errors import Broken, BudgetSpent, GatewayError, OwnFault
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.talk import FakeConversation, FakeConverser, FakeTalk
from tests.fakes.upstream import call, deployment

BEGUN = Reading(begun=True, done=False, usage=None)
USED = Usage(input_tokens=10, output_tokens=4)
DONE = Reading(begun=False, done=True, usage=USED)
IDLE_S = 600.0


class Stage:
    """A session between a fake client and a fake provider."""

    def __init__(self, *conversers: FakeConverser) -> None:
        self.clock = FakeClock()
        plan = [
            replace(_realtime(number), conversing=each) for number, each in enumerate(conversers)
        ]
        self.rooms = FakeRooms(self.clock, *plan)
        self.upstream = FakeConversation()
        self.upstream.readings = {b"begun": BEGUN, b"done": DONE}
        self.client = FakeTalk()
        rooms = self.rooms
        self.duplex = Duplex(rooms.admit, rooms.dispatch, rooms.settle, self.clock)

    async def open(self) -> Session:
        """Ask for a session."""
        return await self.duplex(
            call(
                self.clock,
                endpoint=Endpoint.REALTIME,
                operation=Operation.AUDIO_REALTIME,
                stream=True,
            )
        )

    def outcomes(self) -> list[tuple[str, Outcome, str | None]]:
        """Every settlement; checks that each admission has one and that nothing is held."""
        journal = self.rooms.journal
        opened = sorted(each.request_id for each in journal.openings)
        assert opened == sorted(each.request_id for each in journal.settlements)
        assert self.rooms.limiter.held == []
        return [(each.request_id, each.outcome, each.error) for each in journal.settlements]


def _realtime(number: int) -> Deployment:
    return deployment(None, id=f"mini-{number}", operations=["audio_realtime"])


async def _started() -> tuple[Stage, "asyncio.Task[None]"]:
    stage = Stage(FakeConverser(Broken("not made yet")))
    [known] = stage.rooms.registry.snapshot.deployments
    converser = known.conversing
    assert isinstance(converser, FakeConverser)
    converser.conversation = stage.upstream
    session = await stage.open()
    return stage, asyncio.create_task(session.run(stage.client, IDLE_S))


async def _settle_down() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_frames_pass_both_ways() -> None:
    """What either end says reaches the other; a close code and its reason go on."""
    stage, running = await _started()
    stage.client.say(b"hello")
    stage.upstream.say(b"session")
    await _settle_down()
    stage.client.leave(1000, "bye")
    await running

    assert [frame.data for frame in stage.upstream.sent] == [b"hello"]
    assert [frame.data for frame in stage.client.sent] == [b"session"]
    assert stage.upstream.closed == (1000, "bye")
    assert stage.outcomes() == [("req_1", Outcome.FINISHED, None)]
    assert stage.rooms.journal.last.usage == Usage()
    assert stage.rooms.journal.last.attempts[0].deployment == "mini-0"


@pytest.mark.asyncio
async def test_each_response_is_a_slice() -> None:
    """What was used settles a slice and holds the next one; the last is settled with nothing."""
    stage, running = await _started()
    for data in (b"begun", b"done", b"begun", b"done"):
        stage.upstream.say(data)
    await _settle_down()
    assert len(stage.rooms.limiter.held) == 1
    stage.upstream.leave(1000, "enough")
    await running

    assert stage.client.closed == (1000, "enough")
    assert [request_id for request_id, _, _ in stage.outcomes()] == ["req_1", "req_1.2", "req_1.3"]
    assert [each.usage for each in stage.rooms.journal.settlements] == [USED, USED, Usage()]


@pytest.mark.asyncio
async def test_responses_side_by_side_hold_a_slice_each() -> None:
    """A second response that begins before the first is done is reserved for too."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    stage.upstream.say(b"begun")
    await _settle_down()
    assert len(stage.rooms.limiter.held) == 2
    stage.upstream.say(b"done")
    await _settle_down()
    assert len(stage.rooms.limiter.held) == 1
    stage.client.leave(1000)
    await running

    assert [outcome for _, outcome, _ in stage.outcomes()] == [Outcome.FINISHED, Outcome.ABORTED]


@pytest.mark.asyncio
async def test_the_end_of_a_budget() -> None:
    """What ends it is raised after the response's last event; the client's end is left open."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    await _settle_down()
    stage.rooms.limiter.refusal = BudgetSpent("The budget is spent.")
    stage.upstream.say(b"done")
    with pytest.raises(BudgetSpent):
        await running

    assert [frame.data for frame in stage.client.sent] == [b"begun", b"done"]
    assert stage.client.closed is None
    assert stage.upstream.closed == (1001, "")
    assert stage.outcomes() == [("req_1", Outcome.FINISHED, None)]
    assert stage.rooms.journal.last.usage == USED


@pytest.mark.asyncio
async def test_a_spent_budget_lets_nobody_in() -> None:
    """A first slice that is refused leaves nothing behind; the provider is not asked."""
    stage = Stage(FakeConverser(FakeConversation()))
    stage.rooms.limiter.refusal = BudgetSpent("The budget is spent.")
    with pytest.raises(BudgetSpent):
        await stage.open()

    assert stage.outcomes() == []


@pytest.mark.asyncio
async def test_a_provider_that_vanishes() -> None:
    """The response under way is settled by an estimate that grows with what has passed."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    stage.upstream.say(b"done")
    stage.upstream.say(b"begun")
    for _ in range(3):
        stage.upstream.say(b"x" * 4_000)
    stage.upstream.leave(1006)
    with pytest.raises(Broken, match="broke off"):
        await running

    assert [outcome for _, outcome, _ in stage.outcomes()] == [Outcome.FINISHED, Outcome.FAILED]
    cut = stage.rooms.journal.settlements[-1]
    assert cut.usage == Usage(input_tokens=14, output_tokens=4, estimated=True)
    assert cut.error == "upstream_error"


@pytest.mark.parametrize(("code", "error"), [(1011, "closed_1011"), (4001, "closed_4001")])
@pytest.mark.asyncio
async def test_a_provider_that_closes_in_disorder(code: int, error: str) -> None:
    """The code goes on, and a response under way has failed by it."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    stage.upstream.leave(code, "why")
    await running

    assert stage.client.closed == (code, "why")
    assert stage.outcomes() == [("req_1", Outcome.FAILED, error)]


@pytest.mark.parametrize(("code", "by_peer"), [(1006, True), (1012, False), (1009, False)])
@pytest.mark.asyncio
async def test_a_client_that_is_gone(code: int, *, by_peer: bool) -> None:
    """Whatever was not said by a close frame is "going away" for the provider."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    await _settle_down()
    stage.client.leave(code, by_peer=by_peer)
    await running

    assert stage.upstream.closed == (1001, "")
    assert stage.outcomes() == [("req_1", Outcome.ABORTED, None)]


@pytest.mark.asyncio
async def test_silence() -> None:
    """A session in which nobody says anything is closed."""
    stage, running = await _started()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stage, _ = Stage(FakeConverser(Broken("not made yet"))), None
    [known] = stage.rooms.registry.snapshot.deployments
    assert isinstance(known.conversing, FakeConverser)
    known.conversing.conversation = stage.upstream
    session = await stage.open()
    await session.run(stage.client, 0.01)

    assert stage.client.closed == (1001, "Nothing was said for 0.01 s.")
    assert stage.upstream.closed == (1001, "")
    assert stage.outcomes() == [("req_1", Outcome.FINISHED, None)]


@pytest.mark.asyncio
async def test_a_cancelled_session_is_settled() -> None:
    """Cancelling leaves nothing behind, nor does giving up before it ran."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    await _settle_down()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert stage.upstream.closed == (1001, "")
    assert stage.outcomes() == [("req_1", Outcome.ABORTED, None)]


@pytest.mark.asyncio
async def test_a_crash_is_settled() -> None:
    """What nobody has thought of is raised as it is."""
    stage, running = await _started()
    stage.upstream.say(b"begun")
    await _settle_down()
    stage.upstream.arrived.put_nowait("no frame")  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        await running

    assert stage.outcomes() == [("req_1", Outcome.FAILED, "internal_error")]


@pytest.mark.asyncio
async def test_the_next_deployment_is_tried() -> None:
    """Until one accepts; the failure is an attempt of the first slice."""
    upstream = FakeConversation()
    stage = Stage(FakeConverser(Broken("no")), FakeConverser(upstream))
    session = await stage.open()
    session.close()

    attempts = stage.rooms.journal.last.attempts
    assert [each.error for each in attempts][-1] is None
    assert session.deployment.conversing is not None


@pytest.mark.parametrize("refusal", [Broken("no"), OwnFault("no")])
@pytest.mark.asyncio
async def test_nobody_accepts(refusal: GatewayError) -> None:
    """The provider's failure is raised, and nothing was used."""
    stage = Stage(FakeConverser(refusal))
    with pytest.raises(type(refusal)):
        await stage.open()

    [(_, outcome, _)] = stage.outcomes()
    assert outcome is Outcome.FAILED


@pytest.mark.asyncio
async def test_a_deployment_without_realtime() -> None:
    """A model whose adapter has no such port is not ready for it."""
    stage = Stage()
    stage.rooms = FakeRooms(stage.clock, _realtime(0))
    rooms = stage.rooms
    stage.duplex = Duplex(rooms.admit, rooms.dispatch, rooms.settle, stage.clock)
    with pytest.raises(OwnFault):
        await stage.open()

    assert len(stage.outcomes()) == 1


@pytest.mark.asyncio
async def test_a_client_that_leaves_before_it_is_let_in() -> None:
    """The provider is given up, and the slice settled as aborted."""
    converser = FakeConverser(FakeConversation())
    converser.hangs = True
    stage = Stage(converser)
    opening = asyncio.create_task(stage.open())
    await _settle_down()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)

    assert stage.outcomes() == [("req_1", Outcome.ABORTED, None)]
