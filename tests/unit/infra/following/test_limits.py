"""Limits on their way from keys and projects to the callers of the snapshot."""

import pytest

from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from tests.unit.infra.following.world import World, key, project

pytestmark = pytest.mark.asyncio

SIXTY = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 60),))


def caller(world: World, name: str) -> Caller:
    """The caller of a key in the snapshot."""
    return world.registry.snapshot.keys[key_digest(name.encode())]


async def test_a_key_and_its_project_are_limited() -> None:
    """Each by its own; keys of other projects are not."""
    world = World()
    world.keys.put(key("one", limits=SIXTY), key("two"), key("other", "beta"))
    world.projects.put(project("alpha", limits={"cost_per_month": 0.5, "currency": "EUR"}))
    await world.keeper.look()
    budget = Limits((Rule(Measure.COST, Window.MONTH, 500_000_000),), currency="EUR")
    assert (caller(world, "one").limits, caller(world, "one").project_limits) == (SIXTY, budget)
    assert (caller(world, "two").limits, caller(world, "two").project_limits) == (None, budget)
    assert (caller(world, "other").limits, caller(world, "other").project_limits) == (None, None)


async def test_what_changes_is_in_the_next_snapshot() -> None:
    """Of a key, and of a project whose keys stay what they are."""
    world = World()
    world.keys.put(key("one"))
    world.projects.put(project("alpha", limits={"requests_per_minute": 60}))
    await world.keeper.look()
    assert caller(world, "one").project_limits == SIXTY
    world.keys.put(key("one", limits=SIXTY))
    world.projects.put(project("alpha", "2"))
    await world.keeper.look()
    assert (caller(world, "one").limits, caller(world, "one").project_limits) == (SIXTY, None)
    world.keys.put(key("one"))
    world.projects.put(project("alpha", "3", limits={"requests_per_minute": 60}))
    await world.keeper.look()
    assert (caller(world, "one").limits, caller(world, "one").project_limits) == (None, SIXTY)
    world.projects.remove("alpha")
    await world.keeper.look()
    assert caller(world, "one").project_limits is None


@pytest.mark.parametrize(
    ("fields", "locked"),
    [
        ({"limits": {"cost_per_mont": 5}}, True),
        ({"limits": {"cost_per_month": "5"}}, True),
        ({"limits": []}, True),
        ({"suspended": "no"}, True),
        ({"name": 7}, False),
        ({"name": 7, "suspended": True}, True),
    ],
)
async def test_a_document_edited_in_error_opens_nothing_more(
    fields: dict[str, object], *, locked: bool
) -> None:
    """Where its limits cannot be read, its keys are locked; where only a name is bad, they hold."""
    world = World()
    world.keys.put(key("one"))
    good = {"limits": {"requests_per_minute": 60}}
    world.projects.put(project("alpha", **(good | fields)))
    await world.keeper.look()
    assert caller(world, "one").suspended is locked
    if not locked:
        assert caller(world, "one").project_limits == SIXTY
    told = world.registry.snapshot.problems["project alpha"]
    assert next(iter(fields)) in told
    world.projects.put(project("alpha", "2", **good))
    await world.keeper.look()
    assert not caller(world, "one").suspended
    assert caller(world, "one").project_limits == SIXTY
