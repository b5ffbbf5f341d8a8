"""The bytes that bodies hold: large ones, small ones, ones that grow; and all of it at random."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from llmproxy.domain.errors import Unavailable
from llmproxy.infra.controllers.crowd import SMALL_BYTES
from tests.unit.infra.controllers.calls_in_crowd import MIB, Calls, crowd, settled


@pytest.mark.asyncio
async def test_bytes() -> None:
    """Bodies have room together; a large one that has none waits and lets no large one pass."""
    calls = Calls(crowd(100, body_bytes=10 * MIB))
    await calls.come("six", size=6 * MIB)
    await calls.come("five", size=5 * MIB, project="a")
    await calls.come("one", size=MIB, project="b")
    assert calls.order == ["six"]
    await calls.come("small", size=SMALL_BYTES, project="b", key="other")
    assert calls.order == ["six"], "of one project who came first goes first"
    await calls.end("six")
    assert calls.order == ["six", "five", "one", "small"]
    await calls.end_all()
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_large_ones_leave_a_reserve_to_small_ones() -> None:
    """An eighth of all bytes, whatever they hold and however long: slow ones stop nobody."""
    calls = Calls(crowd(100, body_bytes=8 * MIB))
    for number in range(8):
        await calls.come(f"large{number}", size=MIB, project="a")
    assert len(calls.order) == 7
    for number in range(MIB // SMALL_BYTES):
        await calls.come(f"small{number}", size=SMALL_BYTES, project="b")
    assert len(calls.order) == 7 + MIB // SMALL_BYTES
    await calls.end_all()
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_small_ones_pass_a_large_one_up_to_the_reserve() -> None:
    """An eighth of all bytes: so its time comes, however many small ones come."""
    calls = Calls(crowd(1000, body_bytes=8 * MIB, queued=1000))
    await calls.come("large", size=7 * MIB)
    await calls.come("waits", size=7 * MIB, project="a")
    for number in range(40):
        await calls.come(f"s{number}", size=SMALL_BYTES, project="b")
    assert len(calls.order) == 1 + MIB // SMALL_BYTES
    assert calls.room.held_bytes == 8 * MIB
    await calls.end("large")
    assert "waits" in calls.order
    await calls.end_all()
    assert len(calls.order) == 42
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_small_ones_that_are_many_make_room_for_a_large_one() -> None:
    """They had all room when it came; as they end none follows them until it fits."""
    calls = Calls(crowd(1000, body_bytes=8 * MIB, queued=1000))
    for number in range(128):
        await calls.come(f"s{number}", size=SMALL_BYTES, project="b")
    await calls.come("large", size=7 * MIB, project="a")
    for number in range(128, 140):
        await calls.come(f"s{number}", size=SMALL_BYTES, project="b")
    assert len(calls.order) == 128
    await calls.end(*[f"s{number}" for number in range(112)])
    assert calls.order[128:] == ["large"]
    await calls.end("large")
    assert len(calls.order) == 141
    await calls.end_all()
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_the_largest_body_has_room_alone() -> None:
    """Small ones do not keep it out where it needs everything."""
    calls = Calls(crowd(100, body_bytes=MIB))
    await calls.come("small", size=1000)
    await calls.come("all", size=MIB, project="a")
    await calls.come("next", size=1000, project="b")
    assert calls.order == ["small"]
    await calls.end("small")
    assert calls.order == ["small", "all"]
    await calls.end("all")
    assert calls.order == ["small", "all", "next"]


@pytest.mark.asyncio
async def test_who_stood_in_the_way_and_leaves() -> None:
    """Whom it kept out goes on at once."""
    calls = Calls(crowd(100, body_bytes=10 * MIB))
    await calls.come("six", size=6 * MIB)
    await calls.come("five", size=5 * MIB, project="a")
    await calls.come("two", size=2 * MIB, project="b")
    calls.tasks["five"].cancel()
    await settled()
    assert calls.order == ["six", "two"]
    await calls.end_all()
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_bytes_cost_turns() -> None:
    """Of two projects the one with bodies of ten times its share of requests gets a tenth."""
    calls = Calls(crowd(10, body_bytes=10 * MIB, queued=200))
    for number in range(10):
        await calls.come(f"in{number}")
    for number in range(40):
        await calls.come(f"big{number}", "big", 5 * MIB)
        await calls.come(f"tiny{number}", "tiny", 10)
    for number in range(10):
        await calls.end(f"in{number}")
    assert Counter(name.rstrip("0123456789") for name in calls.order[10:]) == {"big": 1, "tiny": 9}
    await calls.end_all()
    calls.nothing_is_left()


@pytest.mark.asyncio
async def test_a_body_that_grows() -> None:
    """It takes what it needs as it comes, and is refused rather than let wait."""
    room = crowd(10, body_bytes=10 * MIB)
    room.running = 1
    room.grow(0, 1000)
    room.grow(1000, SMALL_BYTES + 1)
    room.grow(SMALL_BYTES + 1, 10 * MIB)
    assert room.held_bytes == 10 * MIB
    with pytest.raises(Unavailable, match="as many requests"):
        room.grow(10 * MIB, 10 * MIB + 1)
    assert room.refused.growth == 1
    room.leave(10 * MIB)
    Calls(room).nothing_is_left()


@pytest.mark.asyncio
async def test_a_body_that_grows_takes_nothing_from_one_that_waits() -> None:
    """While a large body waits for bytes, others that say nothing of their size stay small."""
    calls = Calls(crowd(10, body_bytes=10 * MIB))
    await calls.come("six", size=6 * MIB)
    await calls.come("grows")
    await calls.come("five", size=5 * MIB, project="a")
    calls.room.grow(0, SMALL_BYTES)
    with pytest.raises(Unavailable):
        calls.room.grow(SMALL_BYTES, SMALL_BYTES + 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(20))
async def test_at_random(seed: int) -> None:
    """Never more than the bounds, nothing lost, everybody is served or refused in the end."""
    chance = random.Random(seed)  # noqa: S311
    calls = Calls(crowd(5, body_bytes=10 * MIB, queued=12))
    sizes = (0, 10, SMALL_BYTES, SMALL_BYTES + 1, MIB, 9 * MIB, 10 * MIB)
    steps: list[Callable[[], Awaitable[None]]] = []

    async def come() -> None:
        await calls.come(f"{len(calls.tasks)}", chance.choice("abc"), chance.choice(sizes))

    async def end() -> None:
        if calls.inside:
            await calls.end(chance.choice([*calls.inside]))

    async def go() -> None:
        waiting = [task for task in calls.tasks.values() if not task.done()]
        if waiting:
            chance.choice(waiting).cancel()
            await settled()

    steps = [come, come, end, go]
    for _ in range(300):
        await chance.choice(steps)()
        held = sum(each.held_bytes for each in calls.inside.values())
        assert (calls.room.running, calls.room.held_bytes) == (len(calls.inside), held)
        assert calls.room.running <= 5
        assert held <= 10 * MIB
        assert calls.room.figures()["queued"] <= 12
    await calls.end_all()
    for name, task in calls.tasks.items():
        assert task.done(), f"{name} waits for ever"
        assert task.cancelled() or calls.refused(name) or name in calls.order
    calls.nothing_is_left()
