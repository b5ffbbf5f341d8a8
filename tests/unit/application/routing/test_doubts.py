"""What is looked for in the routing of all models, without holding the others up."""

import asyncio
from types import MappingProxyType

import pytest

from llmproxy.application.routing.doubts import TOGETHER, routing_doubts
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Caller
from tests.fakes.upstream import deployment

FALLBACKS = ["gone"]
KEYS: MappingProxyType[bytes, Caller] = MappingProxyType({})


def snapshot_of(many: int, **said: object) -> Snapshot:
    """So many models, all of which say this."""
    made = [deployment(id=f"m{number}", code=f"m{number}", **said) for number in range(many)]
    return Snapshot(tuple(made), KEYS)


@pytest.mark.asyncio
@pytest.mark.parametrize("said", [{}, {"routing": {"strategy": "cheapest"}}])
async def test_others_have_their_turns(said: dict[str, object]) -> None:
    """One for every so many models."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert await routing_doubts(snapshot_of(4 * TOGETHER, **said), 100) == []
    task.cancel()
    assert turns >= 4


@pytest.mark.asyncio
async def test_not_more_than_are_asked_for() -> None:
    """A registry may be wrong all over."""
    found = await routing_doubts(snapshot_of(9, fallbacks=FALLBACKS), 3)
    assert found == [f"m{number}: its fallback gone is no model" for number in range(3)]
