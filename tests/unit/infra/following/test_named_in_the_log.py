"""What a feed cannot read is named in the log too."""

import pytest

from llmproxy.application.interfaces.feed import News
from tests.unit.infra.following.world import World

pytestmark = pytest.mark.asyncio


async def test_a_fault_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not again at every look, but again when there is something else to say."""
    world = World()
    await world.keeper.look()
    for reason in ("is no JSON", "is no JSON", "is empty"):
        world.models.told = News(faults={"models.json:3": reason})
        await world.keeper.look()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["models: models.json:3: is no JSON", "models: models.json:3: is empty"]
