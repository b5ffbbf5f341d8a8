"""A store that is empty from the start, beside a last good state that is not; and what is kept."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.last_good import Held
from tests.unit.infra.following.world import NOW, FakeLastGood, World, key, project, stored

pytestmark = pytest.mark.asyncio
HELD = Held(NOW - 60, (stored("a"),), (key("k"),), (project("alpha"),))


async def test_an_empty_store_does_not_empty_a_start() -> None:
    """What it held last stays until it holds something again, and it is said."""
    world = World(last_good=FakeLastGood(HELD))
    await world.keeper.start()
    assert (world.ids, world.opens("k")) == (["a"], True)
    assert not world.registry.snapshot.keyless
    assert world.keeper.state.emptied == ("models", "keys")
    assert world.keeper.state.held_at is None, "the store was heard"
    world.models.put(stored("b"))
    world.keys.put(key("other"))
    await world.keeper.look()
    await world.keeper.stop()
    assert (world.ids, world.opens("k"), world.opens("other")) == (["b"], False, True)
    assert world.keeper.state.current


async def test_an_empty_store_is_believed_at_the_start_when_asked_to() -> None:
    """Or when nothing is known that would speak against it."""
    for world in (World(last_good=FakeLastGood(HELD), accept_empty=True), World()):
        await world.keeper.look()
        assert world.ids == []
        assert world.keeper.state.current
    world = World(last_good=FakeLastGood(replace(HELD, models=(), keys=())))
    await world.keeper.look()
    assert world.keeper.state.current


async def test_what_is_known_is_kept_at_the_end() -> None:
    """A revocation of the last second is not forgotten by the next start."""
    last_good = FakeLastGood()
    world = World(last_good=last_good)
    world.keys.put(key("k"))
    await world.keeper.start()
    await world.keeper.stop()
    assert [each.id for each in last_good.saved[-1].keys] == ["key_k"]
