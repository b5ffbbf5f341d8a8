"""A call in one piece: over the deployments of its plan, settled in every outcome."""

import asyncio

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.use_cases.answer import FEW
from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused, TimedOut, Unavailable
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeProvider, call, deployment, good_reply

pytestmark = pytest.mark.asyncio


def _pair(clock: FakeClock) -> tuple[FakeRooms, FakeProvider, FakeProvider]:
    first, second = FakeProvider(clock), FakeProvider(clock)
    rooms = FakeRooms(clock, deployment(second, id="m-2"), deployment(first, id="m-1"))
    return rooms, first, second


async def test_an_answer() -> None:
    """Who answered, what it cost and how long the provider took are told with the reply."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    rooms = FakeRooms(clock, deployment(provider))
    asked = call(clock)
    answered = await rooms.answer(asked)

    assert answered.reply is provider.reply
    assert answered.deployment.model.id == "gpt-mini"
    assert answered.cost_nano == 18_000
    assert answered.waited_s == 0.5
    assert provider.calls == [asked]
    closed = rooms.journal.last
    assert (closed.outcome, closed.cost_nano) == (Outcome.FINISHED, 18_000)
    assert [(each.deployment, each.error) for each in closed.attempts] == [("gpt-mini", None)]


async def test_without_usage_the_size_of_the_answer_counts() -> None:
    """An answer whose usage is missing is estimated by its bytes."""
    clock = FakeClock()
    provider = FakeProvider(clock, good_reply(usage=None))
    rooms = FakeRooms(clock, deployment(provider))
    await rooms.answer(call(clock))

    assert rooms.journal.last.usage.estimated
    assert rooms.journal.last.usage.output_tokens == -(-len(provider.reply.body) // 4)  # type: ignore[union-attr]


async def test_deployments_take_turns() -> None:
    """Calls are spread evenly over the deployments of a model."""
    clock = FakeClock()
    rooms, first, second = _pair(clock)
    for number in range(10):
        await rooms.answer(call(clock, request_id=f"req_{number}"))

    assert (len(first.calls), len(second.calls)) == (5, 5)


@pytest.mark.parametrize(
    "error",
    [
        Broken("It failed."),
        Busy("Too many.", retry_after_s=1.0),
        TimedOut("Too late."),
        OwnFault("Ours."),
    ],
)
async def test_a_failure_moves_on(error: Exception) -> None:
    """The other deployment answers; both attempts are on record, the failed one first."""
    clock = FakeClock()
    rooms, first, second = _pair(clock)
    second.reply = error
    answered = await rooms.answer(call(clock))

    assert answered.deployment.model.id == "m-1"
    assert answered.waited_s == 1.0
    attempts = rooms.journal.last.attempts
    assert [each.deployment for each in attempts] == ["m-2", "m-1"]
    assert [each.error for each in attempts] == [getattr(error, "code", None), None]
    assert [each.duration_s for each in attempts] == [0.5, 0.5]
    assert len(first.calls) == 1


@pytest.mark.parametrize(
    "error",
    [Refused("No.", status=400, error={}), Unavailable("Not now.")],
    ids=["refused", "unavailable"],
)
async def test_what_does_not_move_on(error: Exception) -> None:
    """A refusal of the request, or a failure of the gateway itself, would be the same elsewhere."""
    clock = FakeClock()
    rooms, first, second = _pair(clock)
    second.reply = error
    with pytest.raises(type(error)):
        await rooms.answer(call(clock))

    assert len(first.calls) == 0
    assert len(rooms.journal.last.attempts) == 1
    refused = isinstance(error, Refused)
    assert rooms.journal.last.outcome is (Outcome.REFUSED if refused else Outcome.FAILED)


async def test_no_deployment_is_left() -> None:
    """The last failure is the answer; each deployment was asked once."""
    clock = FakeClock()
    rooms, first, second = _pair(clock)
    first.reply, second.reply = TimedOut("First."), Broken("Second.")
    with pytest.raises(TimedOut):
        await rooms.answer(call(clock))

    assert (len(first.calls), len(second.calls)) == (1, 1)
    closed = rooms.journal.last
    assert (closed.outcome, closed.error, closed.cost_nano) == (
        Outcome.FAILED,
        "upstream_timeout",
        0,
    )


async def test_a_failure_without_a_word() -> None:
    """An attempt always has an error to show for, also when it has no code."""
    clock = FakeClock()
    provider = FakeProvider(clock, Refused("No.", status=400, error={}))
    rooms = FakeRooms(clock, deployment(provider))
    with pytest.raises(Refused):
        await rooms.answer(call(clock))

    assert [each.error for each in rooms.journal.last.attempts] == ["failed"]


async def test_a_model_that_is_not_ready() -> None:
    """It is passed over while another is; alone it is the platform's fault, without its reason."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    unready = deployment(None, "secret X is not set", id="m-2")
    rooms = FakeRooms(clock, deployment(provider, id="m-1"), unready)
    for number in range(2):
        answered = await rooms.answer(call(clock, request_id=f"req_{number}"))
        assert answered.deployment.model.id == "m-1"

    alone = FakeRooms(clock, unready)
    with pytest.raises(OwnFault) as refused:
        await alone.answer(call(clock))
    assert refused.value.code == "model_not_ready"
    assert "secret X" not in refused.value.message
    assert refused.value.detail == "secret X is not set"


async def test_a_model_without_a_reason() -> None:
    """A deployment that offers no port at all says so to the log."""
    clock = FakeClock()
    with pytest.raises(OwnFault) as refused:
        await FakeRooms(clock, deployment(None)).answer(call(clock))
    assert "no port" in refused.value.detail


async def test_the_client_leaves() -> None:
    """A cancelled call is settled as aborted, by an estimate, with the attempt that was cut off."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    provider.hangs = True
    rooms = FakeRooms(clock, deployment(provider))
    task = asyncio.create_task(rooms.answer(call(clock)))
    await asyncio.sleep(0)
    clock.advance(3.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    closed = rooms.journal.last
    assert (closed.outcome, closed.error, closed.duration_s) == (Outcome.ABORTED, None, 3.0)
    assert [(each.error, each.duration_s) for each in closed.attempts] == [("cancelled", 3.0)]
    assert (closed.usage.input_tokens, closed.usage.output_tokens) == (100, 0)
    assert closed.usage.estimated
    assert rooms.limiter.held == []


async def test_a_crash_is_settled_too() -> None:
    """Whatever an adapter raises, the reservation is released and the call recorded."""
    clock = FakeClock()
    provider = FakeProvider(clock, ZeroDivisionError("a bug"))
    rooms = FakeRooms(clock, deployment(provider))
    with pytest.raises(ZeroDivisionError):
        await rooms.answer(call(clock))

    assert rooms.limiter.held == []
    assert rooms.journal.last.outcome is Outcome.FAILED
    assert rooms.journal.last.error == rooms.journal.last.attempts[0].error == "internal_error"


async def test_with_many_under_way_a_turn_passes_first() -> None:
    """Few are asked at once, more after the others were admitted; who leaves then used nothing."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    provider.hangs = True
    rooms = FakeRooms(clock, deployment(provider))
    calls = [call(clock, request_id=f"req_{number}") for number in range(FEW + 2)]
    tasks = [asyncio.create_task(rooms.answer(each)) for each in calls]
    await asyncio.sleep(0)
    assert provider.calls == calls[:FEW]
    tasks[-1].cancel()
    await asyncio.wait([tasks[-1]])
    assert provider.calls == calls[:-1]
    closed = rooms.journal.last
    assert (closed.request_id, closed.outcome) == (f"req_{FEW + 1}", Outcome.ABORTED)
    assert (closed.cost_nano, closed.attempts, closed.usage.total_tokens) == (0, [], 0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert rooms.limiter.held == []
