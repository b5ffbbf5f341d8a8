"""Road: whose turn it is, who is passed over, and whose price an unfinished answer has."""

import asyncio
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.errors import (
    Broken,
    GatewayError,
    InvalidRequest,
    OperationNotSupported,
    OwnFault,
    TimedOut,
)
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import CALLER, FakeEvents, FakeProvider, call, deployment

pytestmark = pytest.mark.asyncio


async def test_each_model_has_its_own_turns() -> None:
    """A client that asks two models alternately must not find the same deployment every time."""
    clock = FakeClock()
    providers = {id_: FakeProvider(clock) for id_ in ("a-1", "a-2", "b-1", "b-2")}
    rooms = FakeRooms(
        clock, *[deployment(each, id=id_, code=id_[0]) for id_, each in providers.items()]
    )

    for _ in range(6):
        await rooms.answer(call(clock, model="a"))
        await rooms.answer(call(clock, model="b"))

    assert [len(each.calls) for each in providers.values()] == [3, 3, 3, 3]


async def test_streams_and_answers_share_the_turns() -> None:
    """Whatever the flow, the load of a deployment is the same."""
    clock = FakeClock()
    providers = [FakeProvider(clock), FakeProvider(clock)]
    rooms = FakeRooms(clock, *[deployment(each, id=f"m-{n}") for n, each in enumerate(providers)])

    for _ in range(4):
        for provider in providers:
            provider.streams = [FakeEvents([b"content", None], None)]
        await rooms.answer(call(clock))
        streamed = await rooms.stream(call(clock))
        while await streamed.next() is not None:
            continue

    assert [len(each.calls) for each in providers] == [4, 4]


async def test_projects_share_the_turns() -> None:
    """Calls of two that alternate must not find the same deployment every time."""
    clock = FakeClock()
    providers = [FakeProvider(clock), FakeProvider(clock)]
    rooms = FakeRooms(clock, *[deployment(each, id=f"m-{n}") for n, each in enumerate(providers)])

    for _ in range(3):
        await rooms.answer(call(clock))
        await rooms.answer(call(clock, caller=replace(CALLER, project="other")))

    assert [len(each.calls) for each in providers] == [3, 3]


async def test_turns_are_those_of_the_newest_documents() -> None:
    """What was known of a plan does not outlive them; those that stay go on where they were."""
    clock = FakeClock()
    providers = [FakeProvider(clock) for _ in range(3)]
    made = [deployment(each, id=f"m-{n}") for n, each in enumerate(providers)]
    rooms = FakeRooms(clock, *made[:2])

    await rooms.answer(call(clock))
    rooms.registry.install(Snapshot(tuple(made[:2])))
    await rooms.answer(call(clock))
    assert [len(each.calls) for each in providers] == [1, 1, 0]
    for shown in (made, made[2:]):
        rooms.registry.install(Snapshot(tuple(shown)))
        for _ in range(3):
            await rooms.answer(call(clock))
    assert [len(each.calls) for each in providers] == [2, 2, 4]


async def test_a_call_by_id_takes_nobodys_turn() -> None:
    """It has one deployment only."""
    clock = FakeClock()
    first, second = FakeProvider(clock), FakeProvider(clock)
    rooms = FakeRooms(clock, deployment(first, id="m-1"), deployment(second, id="m-2"))

    for _ in range(3):
        await rooms.answer(call(clock))
        await rooms.answer(call(clock, model="m-1"))

    assert (len(first.calls), len(second.calls)) == (2 + 3, 1)


async def test_all_deployments_are_tried_in_order_and_once() -> None:
    """From the one whose turn it is, over all others."""
    clock = FakeClock()
    failing = [FakeProvider(clock, Broken("down", code=f"down_{n}")) for n in range(4)]
    rooms = FakeRooms(clock, *[deployment(each, id=f"m-{n}") for n, each in enumerate(failing)])

    orders = []
    for number in range(4):
        with pytest.raises(Broken):
            await rooms.answer(call(clock, request_id=f"req_{number}"))
        attempts = rooms.journal.settlements[-1].attempts
        orders.append("".join(each.deployment[-1] for each in attempts))

    assert [order[0] for order in orders] == ["0", "1", "2", "3"]
    assert {"".join(sorted(order)) for order in orders} == {"0123"}


async def test_a_deployment_that_is_not_ready_is_passed_over_in_a_stream() -> None:
    """It takes no turn of those that are ready, so that none of them carries double."""
    clock = FakeClock()
    ready = FakeProvider(clock)
    ready.streams = [FakeEvents([b"content", None], None)]
    unready = deployment(None, "secret X is not set", id="m-2")
    rooms = FakeRooms(clock, deployment(ready, id="m-1"), unready)

    streamed = await rooms.stream(call(clock))
    assert await streamed.next() == b"content"
    assert await streamed.next() is None

    attempts = rooms.journal.last.attempts
    assert [(each.deployment, each.error) for each in attempts] == [("m-1", None)]


async def test_an_answer_in_one_piece_is_never_asked_for_after_cancellation() -> None:
    """Failover is for providers that fail, not for clients that leave."""
    clock = FakeClock()
    first, second = FakeProvider(clock), FakeProvider(clock)
    second.hangs = True
    rooms = FakeRooms(clock, deployment(second, id="m-2"), deployment(first, id="m-1"))

    await _cancel(asyncio.create_task(rooms.answer(call(clock))))

    assert (len(first.calls), len(second.calls)) == (0, 1)
    assert rooms.journal.last.outcome is Outcome.ABORTED


async def test_an_abandoned_answer_costs_what_its_deployment_costs() -> None:
    """Not what another deployment of the same model would have cost."""
    clock = FakeClock()
    cheap, dear = FakeProvider(clock), FakeProvider(clock)
    dear.hangs = True
    costs = {"input": 0.01, "output": 0.02}
    rooms = FakeRooms(
        clock, deployment(dear, id="dear", costs=costs), deployment(cheap, id="cheap")
    )

    await _cancel(asyncio.create_task(rooms.answer(call(clock))))

    closed = rooms.journal.last
    assert closed.attempts[-1].deployment == "dear"
    assert closed.cost_nano == closed.usage.input_tokens * 10_000 == 1_000_000


async def test_a_stream_abandoned_before_any_provider_was_called_costs_nothing() -> None:
    """There is nothing to estimate: the prompt has gone nowhere."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    rooms = FakeRooms(clock, deployment(provider))

    (await rooms.stream(call(clock))).close()

    assert provider.calls == []
    closed = rooms.journal.last
    assert (closed.outcome, closed.cost_nano, closed.usage) == (Outcome.ABORTED, 0, Usage())


async def test_without_a_deployment_left_there_is_an_error() -> None:
    """A plan cannot be empty; should one be, the call fails as ours and not as a crash."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(FakeProvider(clock)))
    admission = await rooms.admit(call(clock))
    admission.plan = ()

    with pytest.raises(OwnFault, match="No deployment is left"):
        await rooms.dispatch.answer(admission)
    with pytest.raises(OwnFault, match="No deployment is left"):
        await rooms.dispatch.stream(admission).next()


async def _cancel(task: "asyncio.Task[object]") -> None:
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


REFUSES_ITSELF = [
    OperationNotSupported("Not offered there."),
    InvalidRequest("Unknown there.", param="seed", code="unsupported_parameter"),
]


@pytest.mark.parametrize("reason", REFUSES_ITSELF, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_one_deployment_cannot_do_another_can(
    reason: GatewayError, *, stream: bool
) -> None:
    """A reason against one deployment moves the call on; alone it is what the caller is told."""
    clock = FakeClock()
    able, unable = FakeProvider(clock), FakeProvider(clock, reason)
    able.streams, unable.streams = [FakeEvents([b"content", None], None)], [reason]
    rooms = FakeRooms(clock, deployment(unable, id="m-2"), deployment(able, id="m-1"))
    await _ask(rooms, clock, stream=stream)
    attempts = rooms.journal.last.attempts
    assert [each.error for each in attempts] == [reason.code, None]

    unable.streams = [reason]
    with pytest.raises(type(reason)):
        await _ask(FakeRooms(clock, deployment(unable)), clock, stream=stream)


async def test_a_providers_failure_weighs_more() -> None:
    """Than a reason not to ask another one: it is what might go away."""
    clock = FakeClock()
    broken, unable = Broken("down"), OperationNotSupported("Not there.")
    for first, second in ((broken, unable), (unable, broken)):
        made = [deployment(FakeProvider(clock, each), id=str(each)) for each in (first, second)]
        with pytest.raises(Broken):
            await _ask(FakeRooms(clock, *made), clock, stream=False)


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_is_asked_when_nobody_waits(*, stream: bool) -> None:
    """A client that gave up after its own limit on silence costs no further attempt."""
    clock = FakeClock()
    late, other = FakeProvider(clock, TimedOut("late")), FakeProvider(clock)
    late.streams, late.takes_s = [TimedOut("late")], 2.0
    rooms = FakeRooms(clock, deployment(late, id="m-2"), deployment(other, id="m-1"))
    with pytest.raises(TimedOut):
        await _ask(rooms, clock, stream=stream, silence_s=2.0)
    assert (len(late.calls), len(other.calls)) == (1, 0)


async def test_a_second_attempt_has_the_time_that_is_left() -> None:
    """What a client waits for an answer in one piece is shared by all that are asked for it."""
    clock = FakeClock()
    late, other = FakeProvider(clock, TimedOut("late")), FakeProvider(clock)
    late.takes_s = 2.0
    rooms = FakeRooms(clock, deployment(late, id="m-2"), deployment(other, id="m-1"))
    await _ask(rooms, clock, stream=False, silence_s=5.0)
    assert other.calls[0].silence_s == 3.0


async def _ask(rooms: FakeRooms, clock: FakeClock, *, stream: bool, **changes: object) -> None:
    if not stream:
        await rooms.answer(call(clock, **changes))
        return
    streamed = await rooms.stream(call(clock, stream=True, **changes))
    while await streamed.next() is not None:
        continue
