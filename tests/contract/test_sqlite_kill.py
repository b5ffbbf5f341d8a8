"""`kill -9` while the file is written: what was committed is there, and nothing by half."""

import asyncio
import json
import random
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from tests.contract import sqlite_writer
from tests.contract.sqlite_writer import DONE, Step

KILLS = 20


@dataclass
class State:
    """Ids of models, and keys with whether they are revoked."""

    models: set[str] = field(default_factory=set)
    keys: dict[str, bool] = field(default_factory=dict)

    def copy(self) -> "State":
        """Return one that changes on its own."""
        return State(set(self.models), dict(self.keys))

    def take(self, step: Step) -> None:
        """Do what the writer does."""
        kind, ids = step
        match kind:
            case "put" | "put_all":
                self.models.update(ids)
            case "delete":
                self.models.discard(ids[0])
            case "key":
                self.keys[ids[0]] = False
            case "revoke":
                self.keys[ids[0]] = self.keys.get(ids[0]) is not None


class Follower:
    """Has the file open all the time, as a gateway has, and looks every now and then."""

    def __init__(self, file: SqliteFile) -> None:
        self.models = SqliteDocumentFeed(file, "models")
        self.keys = SqliteKeyFeed(file)
        self.known = State()

    async def look(self) -> None:
        """Hear the news of both."""
        models = await self.models.news()
        if models is not None:
            self.known.models.difference_update(models.gone)
            self.known.models.update(each.id for each in models.changed)
            assert not models.faults
        keys = await self.keys.news()
        if keys is not None:
            self.known.keys |= {each.id: each.revoked_at is not None for each in keys.changed}
            assert not keys.gone

    async def go_on(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_a_writer_is_killed_at_any_moment(tmp_path: Path) -> None:
    """Twenty times: the file is sound, and it holds what was committed, no more and no less.

    No more but the one change that was under way, which is there as a whole or not at all.
    """
    path = tmp_path / "store.sqlite3"
    chance = random.Random(9)  # noqa: S311 - only to be various
    file = await SqliteFile.open(path)
    follower = Follower(file)
    sure = State()
    cut_short = 0
    for seed in range(KILLS):
        told = await killed(path, seed, follower, after_s=0.02 + chance.random() * 0.2)
        committed = told.count(DONE)
        assert committed > 0
        for step in told[: 2 * committed]:
            sure.take(step)
        perhaps = sure.copy()
        for step in told[2 * committed :]:
            perhaps.take(step)
        cut_short += perhaps != sure

        found = await held(path)
        assert found in (sure, perhaps)
        await follower.look()
        assert follower.known == found
        sure = found
    await file.close()
    # Otherwise the kills never came at a moment that matters.
    assert cut_short > 0


async def killed(path: Path, seed: int, follower: Follower, *, after_s: float) -> list[Step]:
    """Let the writer work for a while, then kill it; return what it has told."""
    log = path.with_name(f"told-{seed}")
    command = [sys.executable, str(Path(sqlite_writer.__file__)), str(path), str(seed)]
    with log.open("wb") as stdout:
        writer = await asyncio.create_subprocess_exec(*command, stdout=stdout)
    looking = asyncio.create_task(follower.go_on())
    while b"done" not in log.read_bytes():
        assert writer.returncode is None
        await asyncio.sleep(0.005)
    await asyncio.sleep(after_s)
    writer.kill()
    assert await writer.wait() == -signal.SIGKILL
    assert not looking.done()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    # A look that was cut off half-way is repeated by the next one.
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [(line[0], tuple(line[1])) for line in map(json.loads, lines)]


async def held(path: Path) -> State:
    """Open the file as a start does, and return what it holds."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file = await SqliteFile.open(path)
    models = await SqliteDocumentRepository(file, "models").load_all()
    keys = await SqliteKeyRepository(file).load_all()
    await file.close()
    return State(
        {each.id for each in models}, {each.id: each.revoked_at is not None for each in keys}
    )
