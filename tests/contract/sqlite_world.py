"""One SQLite file with what is followed in it, which can be disturbed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.feed import News
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.caller import key_digest
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository

Result = TypeVar("Result")


class UnsteadyFile(SqliteFile):
    """A file that is away at chosen reads, or that somebody changes between two of them."""

    away_at = 0
    between: Callable[[sqlite3.Connection], object] | None = None
    reads = 0

    @override
    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self.reads += 1
        if self.reads == self.away_at:
            raise Unavailable("away")
        result = await super().read(work)
        if self.between is not None:
            await super().read(self.between)
        return result


class World:
    """One file, its models and keys, and feeds of both."""

    def __init__(self, file: UnsteadyFile) -> None:
        self.file = file
        self.models = SqliteDocumentRepository(file, "models")
        self.keys = SqliteKeyRepository(file)
        self.feed = SqliteDocumentFeed(file, "models")
        self.key_feed = SqliteKeyFeed(file)

    @classmethod
    async def of(cls, folder: Path, *names: str) -> "World":
        """Make a file with these models, all of which are told."""
        world = cls(await UnsteadyFile.open(folder / "store.sqlite3"))
        await world.models.put_all([{"id": name} for name in names], at=1)
        await world.feed.everything()
        await world.key_feed.everything()
        return world

    async def sql(self, statement: str, *values: object) -> None:
        """Change something by hand."""
        await self.file.write(lambda connection: connection.execute(statement, values).rowcount)


def told(news: News[Any] | None) -> tuple[list[str], list[str], list[str]]:
    """Return the ids of what is changed, gone and at fault."""
    assert news is not None
    return [each.id for each in news.changed], sorted(news.gone), sorted(news.faults)


def write_back(source: Path, target: Path) -> None:
    """Copy all of a database into another, as the `.backup` of SQLite's shell does."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


async def plan(file: SqliteFile, statement: str, *values: object) -> str:
    """Return how SQLite would run a statement."""
    rows = await file.read(
        lambda connection: connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    )
    return "\n".join(row[3] for row in rows)


def key(name: str) -> StoredKey:
    """Make a key."""
    return StoredKey(
        id=name,
        digest=key_digest(name.encode()),
        prefix="sk-llmproxy-k",
        project=None,
        models=None,
        admin=False,
        created_at=1.0,
    )
