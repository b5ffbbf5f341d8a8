"""The file of the last good state: it comes back whole or not at all."""

import asyncio
import json
from pathlib import Path

import pytest

from llmproxy.application.interfaces.last_good import Held
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.infra.database.following.last_good import LastGoodFile, Saving
from tests.fakes.clock import FakeClock
from tests.unit.infra.following.world import NOW, FakeLastGood, key, project, stored

pytestmark = pytest.mark.asyncio

HELD = Held(
    NOW,
    (stored("a", name='é "quoted"\n'), stored("b")),
    (
        key("one", models=frozenset({"m", "n"}), expires_at=NOW + 1),
        key("two", None, admin=True),
        key("three", limits=Limits((Rule(Measure.COST, Window.MONTH, 1),), 3, "EUR", (80,))),
    ),
    (project("alpha", suspended=True),),
)


async def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    """Every field of models, keys and projects; readable by its owner only."""
    path = tmp_path / "registry.jsonl"
    assert await LastGoodFile(path, "here").load() is None
    assert await LastGoodFile(path, "here").save(HELD)
    assert await LastGoodFile(path, "here").load() == HELD
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.glob("*")] == [path.name]  # noqa: ASYNC240 - a test


async def test_many_items_come_back(tmp_path: Path) -> None:
    """More than are written in one go."""
    held = Held(NOW, tuple(stored(f"m{n}") for n in range(1201)), (), ())
    await LastGoodFile(tmp_path / "file", "here").save(held)
    assert await LastGoodFile(tmp_path / "file", "here").load() == held


async def test_a_file_of_another_store_is_not_used(tmp_path: Path) -> None:
    """Another account's models are not this one's."""
    await LastGoodFile(tmp_path / "file", "here").save(HELD)
    assert await LastGoodFile(tmp_path / "file", "elsewhere").load() is None


async def test_a_damaged_file_is_not_used(tmp_path: Path) -> None:
    """Cut anywhere, or with any byte changed, it gives nothing; and nothing is raised."""
    path = tmp_path / "file"
    await LastGoodFile(path, "here").save(HELD)
    whole = path.read_bytes()
    for at in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:at])
        assert await LastGoodFile(path, "here").load() is None, at
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert await LastGoodFile(path, "here").load() is None, at
    path.write_bytes(whole + whole.splitlines(keepends=True)[1])
    assert await LastGoodFile(path, "here").load() is None
    newer = json.loads(whole.splitlines()[0]) | {"version": 2}
    path.write_bytes(json.dumps(newer).encode() + b"\n" + whole.partition(b"\n")[2])
    assert await LastGoodFile(path, "here").load() is None


async def test_a_folder_that_cannot_be_written_is_said_and_survived(tmp_path: Path) -> None:
    """False, so that it is tried again."""
    assert not await LastGoodFile(tmp_path / "missing" / "file", "here").save(HELD)


async def test_two_writers_never_mix(tmp_path: Path) -> None:
    """Each moves a whole file into place."""
    file = LastGoodFile(tmp_path / "file", "here")
    assert await asyncio.gather(*(file.save(HELD) for _ in range(3))) == [True] * 3
    assert await file.load() == HELD


async def test_saving_is_rare_and_repeats_what_failed() -> None:
    """Many changes make one file; a full disk is tried again."""
    clock, last_good = FakeClock(), FakeLastGood()
    saving = Saving(last_good)
    await saving.save(clock, lambda: HELD)
    assert last_good.saved == []
    saving.due = True
    for _ in range(3):
        await saving.save(clock, lambda: HELD)
        saving.due = True
    assert len(last_good.saved) == 1
    clock.advance(11)
    last_good.full = True
    await saving.save(clock, lambda: HELD)
    assert saving.due
    assert len(last_good.saved) == 2
