"""A second deployment beside a slow first one: who answers, who is let go, and what it costs."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.routing.ward import Change, State
from llmproxy.domain.errors import Broken, GatewayError, Refused
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import USAGE, FakeEvents, FakeProvider, call, deployment

pytestmark = pytest.mark.asyncio

HEDGED: dict[str, object] = {"retries": 0, "hedge": {"after_s": 0.02}}
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
PROMPT_TOKENS, PROMPT_NANO = 100, 100_000
"""What the prompt of the fakes is estimated at, and its cost at 0.001 USD per 1,000."""


class Runner(FakeProvider):
    """Says its first word, or fails, after so many real seconds."""

    def __init__(self, clock: FakeClock, after_s: float, error: Exception | None = None) -> None:
        super().__init__(clock, error)
        self.after_s = after_s
        self.takes_s = 0.0
        self.cancelled = 0
        self.events: list[FakeEvents] = []

    async def _take(self, asked: object) -> None:  # type: ignore[override]
        await super()._take(asked)  # type: ignore[arg-type]
        try:
            await asyncio.sleep(self.after_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        events = FakeEvents([b"role ", b"content ", b"more", None], USAGE)
        self.events.append(events)
        self.streams = [self.reply if isinstance(self.reply, Exception) else events]


async def ask(rooms: FakeRooms, *, stream: bool) -> str:
    """Say who answered. Raises what the caller is told."""
    if not stream:
        return (await rooms.answer(call(rooms.clock))).deployment.model.id
    streamed = await rooms.stream(call(rooms.clock, stream=True))
    streamed.pulse_every(0.005)
    read = b""
    while (batch := await streamed.next()) is not None:
        read += batch
    assert read == b"role content more"
    assert streamed.deployment is not None
    return streamed.deployment.model.id


def rooms_of(*runners: Runner, clock: FakeClock) -> FakeRooms:
    """Deployments m-0, m-1 … in the order in which they are asked."""
    made = [deployment(each, id=f"m-{n}", routing=HEDGED) for n, each in enumerate(runners)]
    return FakeRooms(clock, *made)


def told(rooms: FakeRooms) -> list[tuple[str, str | None, int]]:
    """The attempts of the call, with what each cost."""
    return [(each.deployment, each.error, each.cost_nano) for each in rooms.journal.last.attempts]


@STREAM
async def test_a_quick_first_one_runs_alone(*, stream: bool) -> None:
    """Nobody else is asked."""
    clock = FakeClock()
    first, second = Runner(clock, 0.0), Runner(clock, 0.0)
    rooms = rooms_of(first, second, clock=clock)
    assert await ask(rooms, stream=stream) == "m-0"
    assert (len(first.calls), len(second.calls)) == (1, 0)
    assert told(rooms) == [("m-0", None, 18_000)]


@STREAM
async def test_the_second_speaks_first(*, stream: bool) -> None:
    """The first is cancelled and costs its prompt; each part is settled for itself, all add up."""
    clock = FakeClock()
    first, second = Runner(clock, 30.0), Runner(clock, 0.0)
    rooms = rooms_of(first, second, clock=clock)
    assert await ask(rooms, stream=stream) == "m-1"
    await asyncio.sleep(0)

    assert first.cancelled == 1
    assert told(rooms) == [("m-0", "outpaced", PROMPT_NANO), ("m-1", None, 18_000)]
    closed = rooms.journal.last
    assert (closed.outcome, closed.deployment) == (Outcome.FINISHED, "m-1")
    assert closed.cost_nano == PROMPT_NANO + 18_000
    assert (closed.usage.estimated, closed.usage.input_tokens) == (True, PROMPT_TOKENS + 10)
    assert sorted(rooms.limiter.used) == [(18_000, 14), (PROMPT_NANO, PROMPT_TOKENS)]
    assert sorted(rooms.limiter.requests) == [0, 1]
    assert rooms.limiter.held == []


@STREAM
async def test_the_first_is_still_faster(*, stream: bool) -> None:
    """The second is let go, and costs its prompt."""
    clock = FakeClock()
    first, second = Runner(clock, 0.1), Runner(clock, 30.0)
    rooms = rooms_of(first, second, clock=clock)
    assert await ask(rooms, stream=stream) == "m-0"
    await asyncio.sleep(0)
    assert second.cancelled == 1
    assert told(rooms) == [("m-1", "outpaced", PROMPT_NANO), ("m-0", None, 18_000)]
    assert rooms.limiter.held == []


@STREAM
async def test_the_first_fails_while_the_second_runs(*, stream: bool) -> None:
    """The second answers alone; a failure costs nothing."""
    clock = FakeClock()
    rooms = rooms_of(Runner(clock, 0.06, Broken("down")), Runner(clock, 0.15), clock=clock)
    assert await ask(rooms, stream=stream) == "m-1"
    assert told(rooms) == [("m-0", "upstream_error", 0), ("m-1", None, 18_000)]
    assert rooms.limiter.held == []
    assert sorted(rooms.limiter.used) == [(0, 0), (18_000, 14)]


@STREAM
async def test_the_second_fails(*, stream: bool) -> None:
    """The first goes on; when it fails too, a third one is asked, and none of them again."""
    clock = FakeClock()
    down = Broken("down")
    rooms = rooms_of(Runner(clock, 0.1), Runner(clock, 0.0, down), clock=clock)
    assert await ask(rooms, stream=stream) == "m-0"
    assert told(rooms) == [("m-1", "upstream_error", 0), ("m-0", None, 18_000)]

    runners = Runner(clock, 0.1, down), Runner(clock, 0.0, down), Runner(clock, 0.0)
    rooms = rooms_of(*runners, clock=clock)
    assert await ask(rooms, stream=stream) == "m-2"
    assert [len(each.calls) for each in runners] == [1, 1, 1]
    assert rooms.limiter.held == []


@STREAM
@pytest.mark.parametrize(
    "error", [Refused("No.", status=400, error={}), ZeroDivisionError("a bug")], ids=["no", "bug"]
)
async def test_a_failure_that_ends_all(error: Exception, *, stream: bool) -> None:
    """Both are over, nothing is held, and the call has one row."""
    clock = FakeClock()
    for runners in (
        (Runner(clock, 0.06, error), Runner(clock, 30.0)),
        (Runner(clock, 0.06, error), Runner(clock, 0.0, Broken("down"))),
    ):
        rooms = rooms_of(*runners, clock=clock)
        with pytest.raises(type(error)):
            await ask(rooms, stream=stream)
        await asyncio.sleep(0)
        refused = isinstance(error, GatewayError)
        assert rooms.journal.last.outcome is (Outcome.REFUSED if refused else Outcome.FAILED)
        assert rooms.limiter.held == []


@STREAM
async def test_the_client_leaves(*, stream: bool) -> None:
    """Both are cancelled, and both prompts are charged as estimates."""
    clock = FakeClock()
    first, second = Runner(clock, 30.0), Runner(clock, 30.0)
    rooms = rooms_of(first, second, clock=clock)
    await _leave(rooms, stream=stream, after=lambda: len(second.calls) == 1)

    assert (first.cancelled, second.cancelled) == (1, 1)
    closed = rooms.journal.last
    assert closed.outcome is Outcome.ABORTED
    assert sorted((each.deployment, each.error) for each in closed.attempts) == [
        ("m-0", "cancelled"),
        ("m-1", "cancelled"),
    ]
    assert closed.cost_nano == 2 * PROMPT_NANO
    assert rooms.limiter.held == []


async def _leave(rooms: FakeRooms, *, stream: bool, after: Callable[[], bool]) -> None:
    asked = call(rooms.clock, stream=stream)
    streamed = await rooms.stream(asked) if stream else None
    waiting: Awaitable[object] = rooms.answer(asked) if streamed is None else streamed.next()
    task = asyncio.ensure_future(waiting)
    for _ in range(1_000):
        await asyncio.sleep(0.005)
        if after():
            break
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if streamed is not None:
        streamed.close()
    await asyncio.sleep(0)


@STREAM
async def test_what_cannot_be_held_is_not_asked(*, stream: bool) -> None:
    """A second one needs room in the budget of its own."""
    clock = FakeClock()
    first, second = Runner(clock, 0.1), Runner(clock, 0.0)
    rooms = rooms_of(first, second, clock=clock)
    rooms.limiter.refuses_after = 1
    assert await ask(rooms, stream=stream) == "m-0"
    assert second.calls == []


@STREAM
async def test_by_what_was_observed(*, stream: bool) -> None:
    """Without a number nobody is hedged before twenty answers were seen; then after their p95."""
    clock = FakeClock()
    first, second = Runner(clock, 0.0), Runner(clock, 0.0)
    routing = {"retries": 0, "hedge": True}
    runners = enumerate((first, second))
    rooms = FakeRooms(
        clock, *[deployment(each, id=f"m-{n}", routing=routing) for n, each in runners]
    )
    for _ in range(2 * 25):
        await ask(rooms, stream=stream)
    assert rooms.journal.settlements[-1].attempts[0].error is None
    first.after_s = second.after_s = 0.3
    clock.advance(2.0)
    await ask(rooms, stream=stream)
    assert {each.error for each in rooms.journal.settlements[-1].attempts} == {None, "outpaced"}


@STREAM
async def test_only_what_is_paid_alike_is_asked_beside(*, stream: bool) -> None:
    """Costs of a call are never added up in two currencies."""
    clock = FakeClock()
    first, second, third = Runner(clock, 30.0), Runner(clock, 0.0), Runner(clock, 0.0)
    yen = {"currency": "JPY", "cost_input_1Mtokens": 300, "cost_output_1Mtokens": 300}
    euro = yen | {"currency": "EUR"}
    costs = zip((first, second, third), (yen, euro, yen), strict=True)
    made = [
        deployment(each, id=f"m-{n}", routing=HEDGED, costs=price)
        for n, (each, price) in enumerate(costs)
    ]
    rooms = FakeRooms(clock, *made)
    assert await ask(rooms, stream=stream) == "m-2"
    assert (second.calls, rooms.journal.last.currency) == ([], "JPY")


@STREAM
async def test_who_is_unwell_by_now_is_not_asked_beside(*, stream: bool) -> None:
    """The order was made before."""
    clock = FakeClock()
    first, ill, well = Runner(clock, 30.0), Runner(clock, 0.0), Runner(clock, 0.0)
    rooms = rooms_of(first, ill, well, clock=clock)
    asked = call(clock, stream=stream)
    admission = await rooms.admit(asked)
    rooms.fleet.hear(Change("m-1", State.OPEN, clock.now() + 30.0))
    if stream:
        streamed = rooms.stream.admitted(admission)
        assert await streamed.next() == b"role content "
        streamed.close()
    else:
        await rooms.answer.admitted(admission)
    assert (len(ill.calls), len(well.calls)) == (0, 1)


@STREAM
@pytest.mark.parametrize("seconds", [(0.12, 30.0), (30.0, 0.08)], ids=["first", "second"])
async def test_what_a_race_costs_and_takes(seconds: tuple[float, float], *, stream: bool) -> None:
    """The answer's head says the row's cost; time in which both were waited for counts once."""
    clock = RunningClock()
    rooms = rooms_of(*[Runner(clock, each) for each in seconds], clock=clock)
    if stream:
        await ask(rooms, stream=True)
    else:
        answered = await rooms.answer(call(clock))
        assert answered.cost_nano == rooms.journal.last.cost_nano == PROMPT_NANO + 18_000
        assert answered.waited_s == pytest.approx(0.1, abs=0.09)
    closed = rooms.journal.last
    assert 0.0 <= closed.overhead_s < 0.05
    assert closed.duration_s > 0.1 - 0.02


async def test_the_second_has_the_time_that_is_left() -> None:
    """What a client waits for an answer in one piece is one time for both."""
    clock = RunningClock()
    first, second = Runner(clock, 30.0), Runner(clock, 0.0)
    rooms = rooms_of(first, second, clock=clock)
    await rooms.answer(call(clock, silence_s=5.0))
    silence_s = second.calls[0].silence_s
    assert silence_s is not None
    assert silence_s < 5.0 - 0.02 + 0.005


class RunningClock(FakeClock):
    """Real time."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.perf_counter()

    @override
    def monotonic(self) -> float:
        return super().monotonic() + time.perf_counter() - self._began
