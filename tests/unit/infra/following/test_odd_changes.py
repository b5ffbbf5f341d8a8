"""Changes that are easy to miss: of keys, and of the order of models."""

import pytest

from tests.unit.infra.following.world import NOW, World, key, project, stored

pytestmark = pytest.mark.asyncio


async def test_a_key_that_is_no_more_opens_nothing() -> None:
    """Also one whose row was deleted by hand; all others stay."""
    world = World()
    world.keys.put(key("a"), key("b"))
    await world.keeper.look()
    world.keys.remove("key_a")
    await world.keeper.look()
    assert (world.opens("a"), world.opens("b")) == (False, True)
    assert len(world.registry.snapshot.keys) == 1


async def test_a_key_that_was_given_another_digest_is_only_the_new_one() -> None:
    """Whoever changes a row by hand has taken the old key out of use."""
    world = World()
    world.keys.put(key("a"))
    await world.keeper.look()
    world.keys.put(key("b", id="key_a"))
    await world.keeper.look()
    assert (world.opens("a"), world.opens("b")) == (False, True)


async def test_a_revoked_key_takes_no_other_with_it_when_it_is_deleted() -> None:
    """A key without a place among the callers can go like any other."""
    world = World()
    world.keys.put(key("a", revoked_at=NOW), key("b"))
    await world.keeper.look()
    world.keys.remove("key_a")
    await world.keeper.look()
    assert world.opens("b")
    assert len(world.registry.snapshot.keys) == 1


async def test_a_suspended_project_and_a_new_key_of_it_at_once() -> None:
    """Keys that are new and keys that were there are suspended alike, those of others are not."""
    world = World()
    world.keys.put(*(key(f"old{n}", "alpha") for n in range(3)), key("other", "beta"))
    await world.keeper.look()
    world.keys.put(key("new", "alpha"))
    world.projects.put(project("alpha", suspended=True))
    await world.keeper.look()
    callers = world.registry.snapshot.keys.values()
    suspended = {caller.key_id for caller in callers if caller.suspended}
    assert suspended == {"key_old0", "key_old1", "key_old2", "key_new"}
    assert len(callers) == 5


async def test_a_store_in_another_order_is_followed() -> None:
    """After a reload models stand in the order of the store, and none is built anew."""
    world = World(reload_every_s=60.0)
    world.models.put(stored("a"), stored("b"), stored("c"))
    await world.keeper.look()
    world.models.store = {id_: world.models.store[id_] for id_ in "cab"}
    world.clock.advance(61.0)
    await world.keeper.look()
    assert world.ids == ["c", "a", "b"]
    assert list(world.registry.snapshot.documents) == ["c", "a", "b"]
    assert list(world.registry.snapshot.by_id) == ["c", "a", "b"]
    assert world.built == ["a", "b", "c"]
