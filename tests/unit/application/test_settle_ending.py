"""What the gateway's own end breaks off."""

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.life import Life
from tests.fakes.gateway import FakeRooms
from tests.unit.application.test_settle import COST_NANO, USAGE, _admitted

pytestmark = pytest.mark.asyncio


async def _interrupted(life: Life) -> FakeRooms:
    rooms, admission = await _admitted()
    rooms.settle.life = life
    rooms.settle.broken_off(admission, admission.plan[0], USAGE, None, output_bytes=40)
    return rooms


async def test_the_gateways_own_end() -> None:
    """It is no client's leaving: the row says who ended the call, and what was used is charged."""
    life = Life()
    life.ending = True
    closed = (await _interrupted(life)).journal.last

    assert (closed.outcome, closed.error) == (Outcome.INTERRUPTED, "gateway_stopping")
    assert (closed.cost_nano, closed.counted) == (COST_NANO, 1)


async def test_while_it_drains() -> None:
    """A client that leaves meanwhile leaves as ever."""
    life = Life()
    life.draining = True
    closed = (await _interrupted(life)).journal.last

    assert (closed.outcome, closed.error) == (Outcome.ABORTED, None)
