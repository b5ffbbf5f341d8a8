"""The gate before bodies: who has room, who waits, who is refused; nothing is lost of it."""

import asyncio
from collections import Counter

import pytest

from tests.unit.infra.controllers.calls_in_crowd import Calls, crowd, settled


@pytest.mark.asyncio
async def test_as_many_as_there_is_room_for() -> None:
    """The third waits until one of two has ended; who waits is let in as it came."""
    calls = Calls(crowd(2))
    for name in "abcd":
        await calls.come(name)
    assert calls.order == ["a", "b"]
    assert (calls.room.running, calls.room.figures()["queued"]) == (2, 2)
    await calls.end("b")
    assert calls.order == ["a", "b", "c"]
    await calls.end("a", "c", "d")
    assert calls.order == ["a", "b", "c", "d"]
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_without_a_queue_the_next_is_refused_at_once() -> None:
    """It never waited; who is inside goes on, and the next after it has room again."""
    calls = Calls(crowd(1, queued=0))
    await calls.come("a")
    await calls.come("b")
    assert calls.refused("b")
    await calls.end("a")
    await calls.come("c")
    assert calls.order == ["a", "c"]
    await calls.end("c")
    calls.nothing_is_left()
    assert calls.room.refused.queue_full == 1


@pytest.mark.asyncio
async def test_a_full_queue() -> None:
    """Of one project the newest is refused: who has waited keeps its place."""
    calls = Calls(crowd(1, queued=2))
    for name in "abcd":
        await calls.come(name)
    assert calls.refused("d")
    await calls.end_all()
    assert calls.order == ["a", "b", "c"]
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_a_full_queue_is_no_wall_for_others() -> None:
    """Who has filled it gives its newest place to a project that waits for less."""
    calls = Calls(crowd(1, queued=4))
    for name in ("in", "a1", "a2", "a3", "a4"):
        await calls.come(name, "a")
    await calls.come("b1", "b")
    await calls.come("b2", "b")
    await calls.come("b3", "b")
    assert [name for name in calls.tasks if calls.refused(name)] == ["a3", "a4", "b3"]
    assert (calls.room.refused.pushed_out, calls.room.refused.queue_full) == (2, 1)
    await calls.end_all()
    assert calls.order == ["in", "a1", "b1", "a2", "b2"]
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_by_weight() -> None:
    """A project of weight 3 gets three turns for one of another."""
    calls = Calls(crowd(1, queued=100, weight_of={"heavy": 3.0, "light": 1.0}.__getitem__))
    await calls.come("in", None)
    for number in range(12):
        await calls.come(f"l{number}", "light")
        await calls.come(f"h{number}", "heavy")
    await calls.end("in")
    await calls.end_all()
    assert Counter(name[0] for name in calls.order[1:9]) == {"h": 6, "l": 2}
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_keys_without_a_project_share_as_if_each_were_one() -> None:
    """And never with a project that has the name of a key."""
    calls = Calls(crowd(1, queued=100))
    await calls.come("in")
    for number in range(3):
        await calls.come(f"one{number}", None, key="one")
    await calls.come("two", None, key="two")
    await calls.come("three", "one")
    await calls.end_all()
    assert calls.order == ["in", "one0", "two", "three", "one1", "one2"]


@pytest.mark.asyncio
async def test_the_longest_wait() -> None:
    """Then it is refused, and has no place any more."""
    calls = Calls(crowd(1, timeout_s=0.05))
    await calls.come("a")
    began = asyncio.get_running_loop().time()
    await calls.come("b")
    await asyncio.wait([calls.tasks["b"]], timeout=5)
    assert asyncio.get_running_loop().time() - began >= 0.045
    assert calls.refused("b")
    assert calls.room.refused.timeout == 1
    await calls.end("a")
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_who_leaves_the_queue() -> None:
    """It gives its place up, and who came behind it moves on."""
    calls = Calls(crowd(1))
    for name in "abc":
        await calls.come(name)
    calls.tasks["b"].cancel()
    await settled()
    assert (calls.room.figures()["queued"], calls.room.left) == (1, 1)
    await calls.end("a")
    assert calls.order == ["a", "c"]
    await calls.end("c")
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_who_leaves_in_the_moment_of_its_turn() -> None:
    """What it was given goes on to the next at once."""
    calls = Calls(crowd(1))
    for name in "abc":
        await calls.come(name)
    calls.room.leave(calls.inside.pop("a").held_bytes)  # b has its turn, and does not know yet
    calls.tasks["b"].cancel()
    await settled()
    assert calls.order == ["a", "c"]
    await calls.end("c")
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_who_leaves_before_its_turn_is_told() -> None:
    """Cancelled first, given room in the same step: nothing is lost either."""
    calls = Calls(crowd(1))
    for name in "abc":
        await calls.come(name)
    calls.tasks["b"].cancel()
    calls.room.leave(calls.inside.pop("a").held_bytes)
    await settled()
    assert calls.order == ["a", "c"]
    await calls.end("c")
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_nobody_waits_when_the_server_stops() -> None:
    """All are refused at once, and so is who comes later; who is inside goes on."""
    calls = Calls(crowd(1))
    for name in "abc":
        await calls.come(name)
    calls.room.close()
    await settled()
    await calls.come("d")
    assert [calls.refused(name) for name in "abcd"] == [False, True, True, True]
    assert calls.room.refused.stopping == 2
    await calls.end("a")
    await calls.come("e")
    assert calls.order == ["a", "e"]
    await calls.end("e")
    calls.nothing_is_left()
