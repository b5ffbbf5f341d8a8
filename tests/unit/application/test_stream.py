"""A call in events: held until the first content, moved before it, settled once in every end."""

import asyncio

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.steps.journey import MAX_HELD_BYTES
from llmproxy.application.use_cases.stream import Streamed
from llmproxy.domain.errors import Broken, Busy, GatewayError, OwnFault, Refused, TimedOut
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import USAGE, Batch, FakeEvents, FakeProvider, call, deployment

pytestmark = pytest.mark.asyncio
ROLE, MORE = b"role ", b"content two "
CONTENT = b"content one "


def _provider(clock: FakeClock, *batches: Batch, hangs: bool = False) -> FakeProvider:
    provider = FakeProvider(clock)
    provider.streams = [FakeEvents(list(batches), USAGE, hangs=hangs)]
    return provider


def _events(provider: FakeProvider) -> FakeEvents:
    """The stream that a provider will give out."""
    [events] = provider.streams
    assert isinstance(events, FakeEvents)
    return events


async def _rooms(clock: FakeClock, *providers: FakeProvider) -> tuple[FakeRooms, Streamed]:
    """A stream over deployments m-1, m-2 …; m-2 is asked first."""
    models = [
        deployment(provider, id=f"m-{number}") for number, provider in enumerate(providers, 1)
    ]
    rooms = FakeRooms(clock, *reversed(models))
    return rooms, await rooms.stream(call(clock, stream=True))


async def _read(streamed: Streamed) -> list[bytes]:
    batches = []
    while (batch := await streamed.next()) is not None:
        batches.append(batch)
    return batches


async def test_a_stream() -> None:
    """What stands before the first content goes out with it; the end settles the call."""
    clock = FakeClock()
    rooms, streamed = await _rooms(clock, _provider(clock, ROLE, CONTENT, MORE, None))

    assert streamed.headers == []
    assert streamed.deployment is None
    assert await _read(streamed) == [ROLE + CONTENT, MORE]
    assert streamed.headers == [b"x-llmproxy-upstream-request-id: u1"]
    assert streamed.deployment is not None
    closed = rooms.journal.last
    assert (closed.outcome, closed.usage, closed.cost_nano) == (Outcome.FINISHED, USAGE, 18_000)
    assert (closed.first_content_s, closed.duration_s) == (0.5, 0.5)
    assert [(each.deployment, each.error) for each in closed.attempts] == [("m-1", None)]
    streamed.close()
    assert rooms.journal.last is closed


async def test_no_provider_is_called_before_the_first_event_is_asked_for() -> None:
    """Admission alone reaches nobody."""
    clock = FakeClock()
    provider = _provider(clock, CONTENT, None)
    rooms, streamed = await _rooms(clock, provider)

    assert (len(provider.calls), len(rooms.limiter.held)) == (0, 1)
    streamed.close()
    assert rooms.journal.last.outcome is Outcome.ABORTED
    assert rooms.journal.last.attempts == []


@pytest.mark.parametrize("batches", [[None], [ROLE, None]])
async def test_a_stream_without_content(batches: list[Batch]) -> None:
    """A complete end without content is complete: what was held goes out."""
    clock = FakeClock()
    provider = _provider(clock, *batches)
    _events(provider).batches.append(None)
    rooms, streamed = await _rooms(clock, provider)

    assert await _read(streamed) == [batch for batch in batches if batch]
    assert rooms.journal.last.outcome is Outcome.FINISHED


async def test_silence_is_handed_through() -> None:
    """A pulse reaches the counter before and after the content, so that it can keep company."""
    clock = FakeClock()
    provider = _provider(clock, b"", ROLE, b"", CONTENT, b"", None)
    events = _events(provider)
    rooms, streamed = await _rooms(clock, provider)
    streamed.pulse_every(0.25)

    assert await _read(streamed) == [b"", b"", ROLE + CONTENT, b""]
    assert events.pulse_s == 0.25
    streamed.pulse_every(0.5)
    assert events.pulse_s == 0.5
    assert rooms.journal.last.outcome is Outcome.FINISHED


async def test_what_is_held_is_bounded() -> None:
    """Preambles without content are handed over when they grow beyond the bound."""
    clock = FakeClock()
    filler = b"x" * (MAX_HELD_BYTES // 4)
    _, streamed = await _rooms(clock, _provider(clock, *[filler] * 5, None))

    assert await streamed.next() == filler * 4
    assert await streamed.next() == filler


async def test_pouring() -> None:
    """The bulk goes straight to the sink once content flows, and not before."""
    clock = FakeClock()
    provider = _provider(clock, ROLE, CONTENT, MORE, MORE, None)
    rooms, streamed = await _rooms(clock, provider)
    poured: list[bytes] = []

    def sink(data: bytes) -> bool:
        poured.append(data)
        return True

    await streamed.pour(sink)
    assert poured == []
    assert await streamed.next() == ROLE + CONTENT
    await streamed.pour(sink)
    assert poured == [MORE, MORE]
    assert await streamed.next() is None
    assert rooms.journal.last.outcome is Outcome.FINISHED


EARLY = [Broken("It failed."), Busy("Too many."), TimedOut("Too late."), OwnFault("Ours.")]


@pytest.mark.parametrize("error", EARLY)
@pytest.mark.parametrize("before", [[], [ROLE], [b"", ROLE, b""]])
async def test_a_failure_before_the_content_moves_on(
    error: GatewayError, before: list[Batch]
) -> None:
    """The other deployment's stream is handed over, and nothing of the first one's."""
    clock = FakeClock()
    second = _provider(clock, *before, error)
    rooms, streamed = await _rooms(clock, _provider(clock, ROLE, CONTENT, None), second)
    streamed.pulse_every(0.25)

    assert [batch for batch in await _read(streamed) if batch] == [ROLE + CONTENT]
    closed = rooms.journal.last
    assert closed.outcome is Outcome.FINISHED
    assert [(each.deployment, each.error) for each in closed.attempts] == [
        ("m-2", error.code),
        ("m-1", None),
    ]


async def test_a_connection_that_fails_moves_on() -> None:
    """Also when the provider could not even be asked."""
    clock = FakeClock()
    second = FakeProvider(clock)
    second.streams = [Broken("Away.", code="upstream_unreachable")]
    rooms, streamed = await _rooms(clock, _provider(clock, CONTENT, None), second)

    assert await _read(streamed) == [CONTENT]
    assert [each.error for each in rooms.journal.last.attempts] == ["upstream_unreachable", None]


async def test_a_refusal_does_not_move() -> None:
    """What one provider refuses the next would refuse too."""
    clock = FakeClock()
    first = _provider(clock, CONTENT, None)
    second = FakeProvider(clock)
    second.streams = [Refused("No.", status=400, error={})]
    rooms, streamed = await _rooms(clock, first, second)
    with pytest.raises(Refused):
        await streamed.next()

    assert first.calls == []
    assert (rooms.journal.last.outcome, rooms.journal.last.cost_nano) == (Outcome.REFUSED, 0)


async def test_no_deployment_is_left() -> None:
    """The last failure is raised; nothing was used, so nothing is charged."""
    clock = FakeClock()
    rooms, streamed = await _rooms(
        clock, _provider(clock, TimedOut("Last.")), _provider(clock, Broken("First."))
    )
    with pytest.raises(TimedOut):
        await streamed.next()

    closed = rooms.journal.last
    assert (closed.outcome, closed.error, closed.cost_nano) == (
        Outcome.FAILED,
        "upstream_timeout",
        0,
    )
    assert len(closed.attempts) == 2
    assert closed.first_content_s is None


async def test_a_model_that_is_not_ready() -> None:
    """A deployment without the port is the platform's fault."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(None))
    streamed = await rooms.stream(call(clock))
    with pytest.raises(OwnFault) as refused:
        await streamed.next()

    assert refused.value.code == "model_not_ready"
    assert rooms.journal.last.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("error", "code"),
    [(Broken("Cut."), "upstream_error"), (Refused("No.", status=400, error={}), "failed")],
)
async def test_a_failure_after_the_content(error: GatewayError, code: str) -> None:
    """It is raised and never moved; what was seen is charged."""
    clock = FakeClock()
    other = _provider(clock, CONTENT, None)
    rooms, streamed = await _rooms(clock, other, _provider(clock, ROLE, CONTENT, error))
    assert await streamed.next() == ROLE + CONTENT
    with pytest.raises(type(error)):
        await streamed.next()

    closed = rooms.journal.last
    assert other.calls == []
    assert (closed.outcome, closed.error, closed.usage) == (Outcome.FAILED, code, USAGE)
    assert closed.cost_nano == 18_000
    assert [each.error for each in closed.attempts] == [code]


async def test_a_failure_without_usage_is_estimated() -> None:
    """By the bytes that came before it."""
    clock = FakeClock()
    provider = _provider(clock, CONTENT, Broken("Cut."))
    _events(provider).usage = None
    rooms, streamed = await _rooms(clock, provider)
    await streamed.next()
    with pytest.raises(Broken):
        await streamed.next()

    assert rooms.journal.last.usage.estimated
    assert rooms.journal.last.usage.output_tokens == len(CONTENT) // 4


@pytest.mark.parametrize("read", [0, 1])
async def test_the_client_leaves(read: int) -> None:
    """Closing cancels the provider's work and settles as aborted, whatever had been seen."""
    clock = FakeClock()
    provider = _provider(clock, CONTENT, hangs=True) if read else _provider(clock, hangs=True)
    events = _events(provider)
    rooms, streamed = await _rooms(clock, provider)
    for _ in range(read):
        await streamed.next()
    waiting = asyncio.create_task(streamed.next())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.advance(1.0)
    streamed.close()
    streamed.close()

    assert events.closed
    closed = rooms.journal.last
    assert (closed.outcome, closed.error) == (Outcome.ABORTED, None)
    assert [(each.error, each.duration_s) for each in closed.attempts] == [("cancelled", 1.5)]
    assert rooms.limiter.held == []


async def test_the_client_leaves_while_the_provider_is_dialled() -> None:
    """Before there is a stream there is nothing to close, and the call is settled all the same."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    provider.hangs = True
    rooms, streamed = await _rooms(clock, provider)
    waiting = asyncio.create_task(streamed.next())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    streamed.close()

    closed = rooms.journal.last
    assert (closed.outcome, closed.usage.output_tokens) == (Outcome.ABORTED, 0)
    assert [each.error for each in closed.attempts] == ["cancelled"]
