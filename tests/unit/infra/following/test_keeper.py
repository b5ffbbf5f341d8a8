"""The keeper: what the store holds is what is served, whatever happens to the store."""

import pytest

from llmproxy.application.interfaces.feed import News
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.errors import Forbidden
from tests.unit.infra.following.world import NOW, World, key, project, stored

pytestmark = pytest.mark.asyncio


async def test_it_loads_everything_and_then_only_news() -> None:
    """The second look asks for news; what is added stands at the end, what is removed is gone."""
    world = World()
    world.models.put(stored("a"), stored("b"))
    await world.keeper.look()
    assert world.ids == ["a", "b"]

    world.models.put(stored("c"))
    world.models.told = News((stored("c"), stored("a", "2", name="New")))
    await world.keeper.look()
    assert world.ids == ["a", "b", "c"]
    world.models.remove("b")
    await world.keeper.look()

    assert world.ids == ["a", "c"]
    assert world.models.asked == ["everything", "news", "news"]
    assert list(world.registry.snapshot.documents) == ["a", "c"]


async def test_only_what_changed_is_built() -> None:
    """Ready models keep their deployments, and with them their connections and targets."""
    world = World()
    world.models.put(stored("a"), stored("b"))
    await world.keeper.look()
    kept = world.registry.snapshot.by_id["a"]
    world.models.put(stored("a"), stored("b", "2"))
    await world.keeper.look()

    assert world.built == ["a", "b", "b"]
    assert world.registry.snapshot.by_id["a"] == kept


async def test_a_bad_document_is_left_out_and_named() -> None:
    """It takes no other with it, and is back once it is mended."""
    world = World()
    world.models.put(stored("a"), stored("b", provider="Nobody"))
    await world.keeper.look()
    assert world.ids == ["a"]
    assert "provider" in world.registry.snapshot.problems["b"]
    assert set(world.registry.snapshot.documents) == {"a", "b"}

    world.models.put(stored("b", "2"))
    await world.keeper.look()
    assert world.ids == ["a", "b"]
    assert world.registry.snapshot.problems == {}


async def test_what_cannot_even_be_read_is_named_until_it_can() -> None:
    """A fault of the feed stands among the problems."""
    world = World()
    await world.keeper.look()
    world.models.told = News(faults={"models.json:3": "is no JSON"})
    await world.keeper.look()
    assert world.registry.snapshot.problems == {"models.json:3": "is no JSON"}
    world.models.told = News()
    await world.keeper.look()
    assert world.registry.snapshot.problems == {}


async def test_only_what_waits_is_built_anew() -> None:
    """A ready model keeps its deployment, and the store need not have changed."""
    world = World()
    world.models.put(stored("fast"), stored("slow"))
    world.waits = {"slow"}
    await world.keeper.look()
    world.waits = set()
    await world.keeper.look()
    assert world.built == ["fast", "slow"]
    world.keeper.reconsider()
    await world.keeper.look()
    assert world.built == ["fast", "slow", "slow"]
    await world.keeper.look()
    assert world.built == ["fast", "slow", "slow"]


async def test_a_changed_secret_rebuilds_the_models_that_use_it() -> None:
    """And no other; all references are looked up before anything is built."""
    world = World()
    one, two = {"model": "m", "secret_name": "ONE"}, {"model": "m", "secret_name": "TWO"}
    world.models.put(stored("a", parameters=one), stored("b", parameters=two))
    await world.keeper.look()
    assert world.secrets.prepared == [frozenset({"ONE", "TWO"})]
    world.secrets.news = frozenset({"TWO"})
    await world.keeper.look()
    assert world.built == ["a", "b", "b"]


async def test_a_crash_of_an_adapter_loses_nothing() -> None:
    """What was to be read is read at the next look."""
    world = World()
    world.models.put(stored("a"))
    await world.keeper.look()
    world.models.put(stored("b"))
    world.broken = True
    with pytest.raises(RuntimeError):
        await world.keeper.look()
    assert world.ids == ["a"]
    world.broken = False
    await world.keeper.look()
    assert world.ids == ["a", "b"]


async def test_a_revoked_key_is_out_and_a_new_one_in() -> None:
    """Expired keys stay: they are refused in words of their own."""
    world = World()
    world.keys.put(key("one"), key("two", expires_at=NOW - 1))
    await world.keeper.look()
    assert world.opens("one")
    assert world.opens("two")
    assert not world.registry.snapshot.keyless
    world.keys.put(key("one", revoked_at=NOW), key("three"))
    await world.keeper.look()
    assert not world.opens("one")
    assert world.opens("three")
    world.keys.remove("key_three")
    await world.keeper.look()
    assert not world.opens("three")
    assert world.opens("two")


async def test_a_store_of_revoked_keys_is_not_keyless() -> None:
    """The door does not open again when the last key is revoked."""
    world = World()
    await world.keeper.look()
    assert world.registry.snapshot.keyless
    world.keys.put(key("one", revoked_at=NOW))
    await world.keeper.look()
    assert not world.registry.snapshot.keyless


async def test_callers_that_no_store_holds_are_always_there() -> None:
    """The admin key of the environment is not lost by a change, and closes the open door."""
    admin = Caller("environment", None, None, admin=True, expires_at=None)
    world = World(always={key_digest(b"admin"): admin})
    await world.keeper.look()
    assert world.opens("admin")
    assert not world.registry.snapshot.keyless
    world.keys.put(key("one"))
    await world.keeper.look()
    world.keys.remove("key_one")
    await world.keeper.look()
    assert world.opens("admin")


async def test_a_suspended_project_opens_nothing_until_it_is_resumed() -> None:
    """Its keys are refused with 403; other projects notice nothing; a bad document is named."""
    world = World()
    world.keys.put(key("one"), key("other", "beta"))
    world.projects.put(project("alpha", suspended=True), project("gamma", suspended="yes"))
    await world.keeper.look()
    authenticate = world.registry.authenticate
    with pytest.raises(Forbidden, match="suspended"):
        authenticate(b"one", lambda: True)
    assert authenticate(b"other", lambda: False).project == "beta"
    assert "suspended" in world.registry.snapshot.problems["project gamma"]

    world.projects.put(project("alpha", "2", suspended=False))
    await world.keeper.look()
    assert authenticate(b"one", lambda: False).project == "alpha"
    world.projects.put(project("alpha", "3", suspended=True))
    await world.keeper.look()
    world.projects.remove("alpha")
    await world.keeper.look()
    assert not authenticate(b"one", lambda: False).suspended
