"""Ledger: every outcome is priced, recorded and counted exactly once."""

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.settle import estimate, known_usage
from llmproxy.domain.errors import Broken, OwnFault, Refused
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import call, deployment

pytestmark = pytest.mark.asyncio
USAGE = Usage(input_tokens=10, output_tokens=4)
COST_NANO = 10 * 1_000 + 4 * 2_000


async def _admitted(*, free: bool = False) -> tuple[FakeRooms, Admission]:
    clock = FakeClock()
    model = deployment(costs={}, free=True) if free else deployment()
    rooms = FakeRooms(clock, model)
    admission = await rooms.admit(call(clock))
    clock.advance(2.0)
    return rooms, admission


async def test_finished() -> None:
    """The provider's usage is priced; what was held is replaced by it."""
    rooms, admission = await _admitted()
    admission.first_content_at = admission.call.started_at + 0.5
    cost = rooms.settle.finished(admission, admission.plan[0], USAGE, output_bytes=999)

    assert cost == COST_NANO
    closed = rooms.journal.last
    assert (closed.outcome, closed.error) == (Outcome.FINISHED, None)
    assert (closed.usage, closed.cost_nano, closed.currency) == (USAGE, COST_NANO, "USD")
    assert (closed.duration_s, closed.first_content_s) == (2.0, 0.5)
    assert (rooms.limiter.held, rooms.limiter.used) == ([], [(COST_NANO, 14)])
    assert rooms.meter.counted == [closed]


async def test_finished_without_usage() -> None:
    """What the provider did not count is estimated by size, rounded up and marked."""
    rooms, admission = await _admitted()
    rooms.settle.finished(admission, admission.plan[0], None, output_bytes=41)
    usage = rooms.journal.last.usage

    assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (100, 11, True)
    assert rooms.journal.last.cost_nano == 100 * 1_000 + 11 * 2_000
    assert usage == estimate(admission, 41)


async def test_an_estimate_stays_below_what_was_reserved() -> None:
    """Vectors and images are large and hold few tokens or none."""
    rooms, admission = await _admitted()

    assert estimate(admission, 10_000_000).output_tokens == 100
    admission.call.max_output_tokens = 0
    assert estimate(admission, 10_000_000).output_tokens == 0
    rooms.settle.finished(admission, admission.plan[0], None, output_bytes=10_000_000)
    assert rooms.journal.last.usage.output_tokens == 0


async def test_characters_are_the_gateways_own_count() -> None:
    """Speech is read from the request: the provider's tokens come beside it, or nothing does."""
    rooms, admission = await _admitted()
    admission.call.counted = Usage(characters=12, estimated=True)

    price = admission.plan[0].model.price
    assert known_usage(admission, price, None, 0) == admission.call.counted
    assert known_usage(admission, price, USAGE, 0) == USAGE._replace(characters=12)
    rooms.settle.finished(admission, admission.plan[0], USAGE, output_bytes=0)
    assert rooms.journal.last.usage.characters == 12


async def test_a_free_model_costs_nothing() -> None:
    """Its usage is recorded all the same."""
    rooms, admission = await _admitted(free=True)

    assert rooms.settle.finished(admission, admission.plan[0], USAGE, output_bytes=0) == 0
    assert rooms.journal.last.usage == USAGE
    assert rooms.limiter.used == [(0, 14)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Refused("No.", status=400, error={"code": "bad"}), Outcome.REFUSED),
        (Broken("It failed."), Outcome.FAILED),
        (OwnFault("Ours."), Outcome.FAILED),
    ],
)
async def test_failed(error: Refused | Broken | OwnFault, outcome: Outcome) -> None:
    """A call that no provider answered gives all back."""
    rooms, admission = await _admitted()
    rooms.settle.failed(admission, error)
    closed = rooms.journal.last

    assert (closed.outcome, closed.error, closed.cost_nano) == (outcome, error.code, 0)
    assert closed.usage == Usage()
    assert closed.first_content_s is None
    assert (rooms.limiter.held, rooms.limiter.used) == ([], [(0, 0)])


@pytest.mark.parametrize("error", [None, "upstream_error"])
@pytest.mark.parametrize("usage", [None, USAGE])
async def test_broken_off(error: str | None, usage: Usage | None) -> None:
    """An answer that ended early costs what was seen of it: counted, or else estimated."""
    rooms, admission = await _admitted()
    rooms.settle.broken_off(admission, admission.plan[0], usage, error, output_bytes=40)
    closed = rooms.journal.last

    assert (closed.outcome, closed.error) == (
        Outcome.ABORTED if error is None else Outcome.FAILED,
        error,
    )
    assert closed.usage == (usage or Usage(input_tokens=100, output_tokens=10, estimated=True))
    assert closed.cost_nano == (COST_NANO if usage else 100 * 1_000 + 10 * 2_000)


async def test_a_free_answer_that_was_broken_off() -> None:
    """It costs nothing either."""
    rooms, admission = await _admitted(free=True)
    rooms.settle.broken_off(admission, admission.plan[0], None, None, output_bytes=40)

    assert rooms.journal.last.cost_nano == 0


async def test_only_the_first_settlement_counts() -> None:
    """Whatever is called afterwards, a call is recorded, released and counted once."""
    rooms, admission = await _admitted()
    rooms.settle.finished(admission, admission.plan[0], USAGE, output_bytes=0)
    rooms.settle.broken_off(admission, admission.plan[0], None, None, output_bytes=5)
    rooms.settle.failed(admission, Broken("Too late."))

    assert rooms.journal.last.outcome is Outcome.FINISHED
    assert (len(rooms.limiter.used), len(rooms.meter.counted)) == (1, 1)
