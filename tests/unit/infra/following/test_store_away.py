"""The keeper while its store is away, or says that it is empty."""

import asyncio

import pytest

from llmproxy.application.interfaces.last_good import Held
from llmproxy.domain.errors import Forbidden, Unavailable
from tests.unit.infra.following.world import NOW, FakeLastGood, World, key, project, stored

pytestmark = pytest.mark.asyncio


async def test_a_store_that_is_away_changes_nothing_and_is_said() -> None:
    """What is known stays, with the reason; when the store is back it is current again."""
    world = World()
    world.models.put(stored("a"))
    world.keys.put(key("one"))
    await world.keeper.look()
    assert world.keeper.state.current
    world.models.away = True
    world.clock.advance(3)
    await world.keeper.look()
    assert world.ids == ["a"]
    assert world.keeper.state.away == {"models": "The store is away."}
    assert world.keeper.state.age_s == 3
    world.models.away = False
    world.models.put(stored("b"))
    await world.keeper.look()
    assert world.ids == ["a", "b"]
    assert world.keeper.state.current


async def test_an_empty_answer_never_replaces_a_full_snapshot() -> None:
    """Neither models nor keys; the store is asked for everything until it holds something."""
    world = World(reload_every_s=60.0)
    world.models.put(stored("a"))
    world.keys.put(key("one"))
    await world.keeper.look()
    world.models.store.clear()
    world.keys.store.clear()
    world.clock.advance(61)
    await world.keeper.look()
    assert world.ids == ["a"]
    assert world.opens("one")
    assert world.keeper.state.emptied == ("models", "keys")
    world.models.put(stored("b"))
    await world.keeper.look()
    assert world.ids == ["b"]
    assert world.keeper.state.emptied == ("keys",)


async def test_an_empty_answer_that_was_asked_for_is_believed() -> None:
    """Deletions one by one are meant, and so is what `accept_empty` says."""
    world = World(reload_every_s=60.0, accept_empty=True)
    world.models.put(stored("a"))
    await world.keeper.look()
    world.models.store.clear()
    world.clock.advance(61)
    await world.keeper.look()
    assert world.ids == []

    world = World()
    world.models.put(stored("a"))
    await world.keeper.look()
    world.models.remove("a")
    await world.keeper.look()
    assert world.ids == []


async def test_a_reload_finds_what_news_did_not_tell() -> None:
    """Changes past the gateway are seen within the reload period."""
    world = World(reload_every_s=60.0)
    world.models.put(stored("a"), stored("b"), stored("c"))
    await world.keeper.look()
    del world.models.store["b"]
    world.models.store["c"] = stored("c", "2")
    await world.keeper.look()
    assert world.ids == ["a", "b", "c"]
    world.clock.advance(60)
    await world.keeper.look()
    assert world.ids == ["a", "c"]
    assert world.built == ["a", "b", "c", "c"]


async def test_without_store_and_without_last_good_state_nothing_starts() -> None:
    """Nothing is served from nothing."""
    for last_good in (None, FakeLastGood()):
        world = World(last_good=last_good)
        world.keys.away = True
        with pytest.raises(Unavailable, match="away"):
            await world.keeper.start()
        assert not world.registry.loaded


async def test_a_start_without_store_serves_the_last_good_state() -> None:
    """It says so, asks the store again, and takes what it holds."""
    held = Held(NOW - 60, (stored("old"),), (key("one"),), (project("alpha", suspended=True),))
    world = World(last_good=FakeLastGood(held))
    for feed in (world.models, world.keys, world.projects):
        feed.away = True
    await world.keeper.look()
    assert world.ids == ["old"]
    assert world.opens("one")
    with pytest.raises(Forbidden):
        world.registry.authenticate(b"one", lambda: False)
    assert world.keeper.state.held_at == NOW - 60
    assert set(world.keeper.state.away) == {"models", "keys", "projects"}

    for feed in (world.models, world.keys, world.projects):
        feed.away = False
    world.models.store = {"new": stored("new")}
    world.keys.store = {"key_one": key("one")}
    await world.keeper.look()
    assert world.ids == ["new"]
    assert world.keeper.state.current
    assert not world.registry.authenticate(b"one", lambda: False).suspended


async def test_only_what_the_store_did_not_tell_comes_from_the_last_good_state() -> None:
    """Models are of the store, keys of the file, when only keys are away."""
    held = Held(NOW - 60, (stored("old"),), (key("one"),), ())
    world = World(last_good=FakeLastGood(held))
    world.keys.away = True
    world.models.put(stored("new"))
    await world.keeper.look()
    assert world.ids == ["new"]
    assert world.opens("one")


async def test_it_follows_by_itself_and_saves() -> None:
    """Started, it looks, renews and keeps the last good state; stopped, it does nothing more."""
    last_good = FakeLastGood()
    world = World(last_good=last_good)
    world.models.put(stored("a"))
    await world.keeper.start()
    world.models.put(stored("b"))
    world.keys.put(key("one"))
    world.clock.advance(2)
    async with asyncio.timeout(10):
        while world.ids != ["a", "b"] or not world.opens("one") or not last_good.saved:
            await asyncio.sleep(0.05)
            world.clock.advance(1)
    await world.keeper.stop()
    assert [each.id for each in last_good.saved[0].models] == ["a", "b"]
    world.models.put(stored("c"))
    await asyncio.sleep(0.6)
    assert world.ids == ["a", "b"]
