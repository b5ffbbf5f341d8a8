"""Whatever providers and clients do, a call is settled once and content is never repeated.

Scripts of events, failures and silences are made by hypothesis; a client reads as far as it likes.
"""

import asyncio
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.upstream import Deployment, Reply
from llmproxy.application.steps.journey import MAX_HELD_BYTES
from llmproxy.domain.errors import (
    Broken,
    Busy,
    GatewayError,
    InvalidRequest,
    OperationNotSupported,
    OwnFault,
    Refused,
    TimedOut,
)
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import Batch, FakeEvents, FakeProvider, call, deployment, good_reply

MOVES_ON = (Busy, Broken, TimedOut, OwnFault, OperationNotSupported, InvalidRequest)
FAILURES = st.sampled_from(
    [
        Busy("busy"),
        Broken("broken"),
        TimedOut("late"),
        OwnFault("ours"),
        Refused("no", status=400, error={}),
        OperationNotSupported("not here"),
        InvalidRequest("no", code="unsupported_parameter"),
    ]
)
USAGES = st.none() | st.builds(
    Usage, input_tokens=st.integers(0, 1000), output_tokens=st.integers(0, 1000)
)
ROLES = st.lists(st.sampled_from([b"role ", b""]), max_size=2)
ANY = st.lists(st.sampled_from([b"content ", b"role ", b"", b"x" * MAX_HELD_BYTES]), max_size=4)
BATCHES = ROLES | st.builds(list.__add__, ROLES, ANY)
PATIENCE = st.sampled_from([20, 0, 1, 2, 3, 5])


UNREADY, HANGS = "is not ready", "hangs"


class Script(NamedTuple):
    """What one deployment does with a stream: None accepts it, and None is its complete end."""

    start: GatewayError | str | None
    batches: list[bytes]
    end: GatewayError | str | None
    usage: Usage | None


# The likely is drawn more often, so that many scripts come as far as to events.
START = st.sampled_from([None] * 6 + [UNREADY]) | FAILURES
END = st.sampled_from([None, None, HANGS]) | FAILURES
SCRIPTS = st.lists(st.builds(Script, START, BATCHES, END, USAGES), min_size=1, max_size=4)


def _deployment(clock: FakeClock, number: int, script: Script) -> tuple[Deployment, FakeProvider]:
    tail: list[Batch] = []
    if isinstance(script.end, GatewayError):
        tail = [script.end]
    elif script.end is None:
        tail = [None, None]  # asked once more after what was held has gone out
    batches = [*_marked(number, script), *tail]
    events = FakeEvents(batches, script.usage, hangs=script.end == HANGS)
    provider = FakeProvider(clock)
    provider.streams = [script.start if isinstance(script.start, Exception) else events]
    served = None if script.start == UNREADY else provider
    return deployment(served, id=f"m-{number}"), provider


def _marked(number: int, script: Script) -> list[bytes]:
    """Return batches that tell whose they are; silence stays silence."""
    return [batch and b"%d %s" % (number, batch) for batch in script.batches]


async def _read(
    rooms: FakeRooms, clock: FakeClock, patience: int
) -> tuple[list[bytes], str | GatewayError]:
    """Read as a client that leaves after so many batches, or when nothing comes any more."""
    streamed = await rooms.stream(call(clock, stream=True))
    read: list[bytes] = []
    try:
        for _ in range(patience):
            task = asyncio.ensure_future(streamed.next())
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                return read, "left"
            batch = task.result()
            if batch is None:
                return read, "end"
            read.append(batch)
    except GatewayError as error:
        return read, error
    finally:
        streamed.close()
    return read, "left"


def _expect_settled_once(rooms: FakeRooms) -> None:
    assert rooms.limiter.held == []
    ends = (rooms.journal.settlements, rooms.limiter.used, rooms.meter.counted)
    assert [len(each) for each in ends] == [1, 1, 1]
    closed = rooms.journal.last
    used = closed.usage.total_input_tokens + closed.usage.total_output_tokens
    assert rooms.limiter.used == [(closed.cost_nano, used)]
    assert rooms.meter.counted[0].outcome == closed.outcome


@given(scripts=SCRIPTS, patience=PATIENCE)
def test_every_stream_is_settled_exactly_once(scripts: list[Script], patience: int) -> None:
    """With the outcome that the client has seen, in the journal, the limiter and the meter."""
    clock = FakeClock()
    made = [_deployment(clock, number, script) for number, script in enumerate(scripts)]
    rooms = FakeRooms(clock, *[each[0] for each in made])

    read, end = asyncio.run(_read(rooms, clock, patience))

    _expect_settled_once(rooms)
    closed = rooms.journal.last
    flowed = any(read)
    if end == "end":
        assert closed.outcome is Outcome.FINISHED
    elif end == "left":
        assert closed.outcome is Outcome.ABORTED
    elif isinstance(end, Refused) and not flowed:
        assert closed.outcome is Outcome.REFUSED
    else:
        assert closed.outcome is Outcome.FAILED
    if isinstance(end, GatewayError) and not flowed:
        assert (closed.cost_nano, closed.usage) == (0, Usage())
    elif flowed:
        usage = scripts[int(closed.attempts[-1].deployment[2:])].usage
        assert closed.usage.estimated if usage is None else closed.usage == usage


@given(scripts=SCRIPTS, patience=PATIENCE)
def test_the_client_reads_one_stream_only(scripts: list[Script], patience: int) -> None:
    """All it gets is the beginning of one deployment's events; held events of others are gone.

    Only failures that another deployment may mend come before that one, each tried once, in turn.
    """
    clock = FakeClock()
    made = [_deployment(clock, number, script) for number, script in enumerate(scripts)]
    rooms = FakeRooms(clock, *[each[0] for each in made])

    read, _ = asyncio.run(_read(rooms, clock, patience))

    attempts = rooms.journal.last.attempts
    names = [attempt.deployment for attempt in attempts]
    turns = [f"m-{number}" for number in range(len(made))]
    assert names == turns[: len(names)]
    assert all(len(provider.calls) <= 1 for _, provider in made)
    codes = {each.default_code for each in MOVES_ON} | {"model_not_ready", "unsupported_parameter"}
    assert {attempt.error for attempt in attempts[:-1]} <= codes
    if any(read):
        last = int(names[-1][2:])
        assert b"".join(_marked(last, scripts[last])).startswith(b"".join(read))


@given(scripts=SCRIPTS, patience=PATIENCE)
def test_nothing_goes_out_before_content_or_the_bound(scripts: list[Script], patience: int) -> None:
    """The first bytes hold content, are as long as the bound, or are all that there was."""
    clock = FakeClock()
    made = [_deployment(clock, number, script) for number, script in enumerate(scripts)]
    rooms = FakeRooms(clock, *[each[0] for each in made])

    read, _ = asyncio.run(_read(rooms, clock, patience))

    first = next((batch for batch in read if batch), None)
    if first is not None and b"content" not in first and len(first) < MAX_HELD_BYTES:
        answered = int(rooms.journal.last.attempts[-1].deployment[2:])
        assert first == b"".join(_marked(answered, scripts[answered]))


@given(
    replies=st.lists(
        st.none() | FAILURES | st.just("hang") | USAGES.map(good_reply), min_size=1, max_size=4
    )
)
def test_every_answer_is_settled_exactly_once(
    replies: list[GatewayError | str | Reply | None],
) -> None:
    """None stands for a deployment that is not ready; a client leaves one that hangs."""
    clock = FakeClock()
    deployments = []
    for number, reply in enumerate(replies):
        provider = FakeProvider(clock, reply if isinstance(reply, Exception | Reply) else None)
        provider.hangs = reply == "hang"
        deployments.append(deployment(provider if reply else None, id=f"m-{number}"))
    rooms = FakeRooms(clock, *deployments)

    outcome = asyncio.run(_ask(rooms, clock))

    _expect_settled_once(rooms)
    assert rooms.journal.last.outcome is outcome
    last = rooms.journal.last.attempts[-1].error
    assert (last is None, last == "cancelled") == (
        outcome is Outcome.FINISHED,
        outcome is Outcome.ABORTED,
    )
    tried = replies[: len(rooms.journal.last.attempts)]
    assert all(each is None or isinstance(each, MOVES_ON) for each in tried[:-1])


async def _ask(rooms: FakeRooms, clock: FakeClock) -> Outcome:
    """Ask, leave when nothing comes, and say how the call must have ended."""
    task = asyncio.ensure_future(rooms.answer(call(clock)))
    await asyncio.sleep(0)
    if not task.done():
        task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        return Outcome.ABORTED
    error = task.exception()
    if error is None:
        return Outcome.FINISHED
    return Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
