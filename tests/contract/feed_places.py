"""What is followed: each kind of store with a feed over it, for the suite of feeds."""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import DocumentRepository, StoredDocument
from llmproxy.application.interfaces.feed import Feed
from llmproxy.application.interfaces.key_repository import KeyRepository, StoredKey
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed, keys_feed
from llmproxy.infra.database.cosmos.key_repository import CosmosKeyRepository
from llmproxy.infra.database.cosmos.shelf import Shelf, keys_shelf, models_shelf, projects_shelf
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.document_repository import FolderDocumentRepository
from llmproxy.infra.database.folder.feed import FolderFeed
from llmproxy.infra.database.memory import (
    MemoryDocumentFeed,
    MemoryDocumentRepository,
    MemoryKeyFeed,
    MemoryKeyRepository,
)
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.document_rows import DocumentTable
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from tests.contract.cosmos_places import made
from tests.fakes.clock import FakeClock


class Followed(ABC):
    """A store of documents and feeds over it."""

    repository: DocumentRepository

    @abstractmethod
    def feed(self) -> Feed[StoredDocument]:
        """Make a feed that has told nothing yet."""

    async def put(self, name: str, /, **fields: object) -> None:
        """Keep a document."""
        await self.repository.put({"id": name, **fields}, at=1)

    async def delete(self, name: str) -> None:
        """Forget a document."""
        await self.repository.delete(name)

    async def close(self) -> None:
        """Let go of the store."""
        await self.repository.close()


class InMemory(Followed):
    """The memory adapter."""

    def __init__(self) -> None:
        self.repository: MemoryDocumentRepository = MemoryDocumentRepository()

    @override
    def feed(self) -> Feed[StoredDocument]:
        return MemoryDocumentFeed(self.repository)


class InSqlite(Followed):
    """One table of a SQLite file; the feeds look through another connection than who writes."""

    def __init__(self, writing: SqliteFile, reading: SqliteFile, table: DocumentTable) -> None:
        self.repository = SqliteDocumentRepository(writing, table)
        self._reading = reading
        self._table = table

    @override
    def feed(self) -> Feed[StoredDocument]:
        return SqliteDocumentFeed(self._reading, self._table)

    @override
    async def close(self) -> None:
        await super().close()
        await self._reading.close()


class InFiles(Followed):
    """One file for each document; a name tells its place in the order."""

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._folder = DocumentFolder(folder, FakeClock())
        self.repository = FolderDocumentRepository(self._folder)

    @override
    def feed(self) -> Feed[StoredDocument]:
        return FolderFeed(self._folder)

    @override
    async def put(self, name: str, /, **fields: object) -> None:
        text = json.dumps({"id": name, **fields})
        (self._path / f"{name}.json").write_text(text, encoding="utf-8")

    @override
    async def delete(self, name: str) -> None:
        (self._path / f"{name}.json").unlink(missing_ok=True)


class InCosmos(Followed):
    """One shelf of Cosmos DB; the feeds look through another client than who writes."""

    def __init__(self, writing: Shelf, reading: Shelf) -> None:
        self.repository = CosmosDocumentRepository(writing)
        self._reading = reading

    @override
    def feed(self) -> Feed[StoredDocument]:
        return documents_feed(self._reading, reload_every_s=60)

    @override
    async def put(self, name: str, /, **fields: object) -> None:
        given = {"id": name, "provider": f"of {name}", **fields}
        await self.repository.put(given, at=1)

    @override
    async def close(self) -> None:
        await super().close()
        await self._reading.account.close()


async def memory(_folder: Path) -> Followed:
    """Follow the memory adapter."""
    return InMemory()


async def sqlite_one_connection(folder: Path) -> Followed:
    """Follow the changes of the very connection that is looked through."""
    file = await SqliteFile.open(folder / "store.sqlite3")
    return InSqlite(file, file, "models")


async def sqlite_two_connections(folder: Path) -> Followed:
    """Follow the changes of another process."""
    path = folder / "store.sqlite3"
    return InSqlite(await SqliteFile.open(path), await SqliteFile.open(path), "projects")


async def files(folder: Path) -> Followed:
    """Follow a folder of files."""
    return InFiles(folder)


async def cosmos_models(folder: Path) -> Followed:
    """Follow models, each in a partition of its own."""
    return InCosmos(models_shelf(await made(folder)), models_shelf(await made(folder)))


async def cosmos_projects(folder: Path) -> Followed:
    """Follow projects, all in one partition, with keys in another one of the same container."""
    return InCosmos(projects_shelf(await made(folder)), projects_shelf(await made(folder)))


Make = Callable[[Path], Awaitable[Followed]]


FOLLOWED: list[Make] = [
    memory,
    sqlite_one_connection,
    sqlite_two_connections,
    files,
    cosmos_models,
    cosmos_projects,
]


async def memory_keys(_folder: Path) -> tuple[KeyRepository, Feed[StoredKey]]:
    """Follow the memory adapter."""
    repository = MemoryKeyRepository()
    return repository, MemoryKeyFeed(repository)


async def sqlite_keys(folder: Path) -> tuple[KeyRepository, Feed[StoredKey]]:
    """Follow a SQLite file."""
    file = await SqliteFile.open(folder / "store.sqlite3")
    return SqliteKeyRepository(file), SqliteKeyFeed(file)


async def cosmos_keys(folder: Path) -> tuple[KeyRepository, Feed[StoredKey]]:
    """Follow keys of Cosmos DB."""
    shelf = keys_shelf(await made(folder))
    return CosmosKeyRepository(shelf), keys_feed(shelf, reload_every_s=60)


MakeKeys = Callable[[Path], Awaitable[tuple[KeyRepository, Feed[StoredKey]]]]

FOLLOWED_KEYS: list[MakeKeys] = [memory_keys, sqlite_keys, cosmos_keys]
