"""Opening the store: one SQLite file in the data folder, or Azure Cosmos DB; models from a folder.

What is not used is not imported: the Azure SDK takes time and memory.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import DocumentRepository
from llmproxy.application.interfaces.feed import Feeds
from llmproxy.application.interfaces.key_repository import KeyRepository
from llmproxy.application.interfaces.last_good import LastGood
from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.application.interfaces.usage_ledger import UsageLedger
from llmproxy.config import Settings
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.document_repository import FolderDocumentRepository
from llmproxy.infra.database.folder.feed import FolderFeed
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.feed import SqliteDocumentFeed, SqliteKeyFeed
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from llmproxy.infra.database.sqlite.signing_key_repository import SqliteSigningKeyRepository
from llmproxy.infra.telemetry.clock import SystemClock

FILE_NAME = "llmproxy.sqlite3"


@dataclass(frozen=True, slots=True)
class Store:
    """The repositories of one store, and the time; `close` lets go of it.

    `open_usage` opens its ledger, which whoever asked for it closes. It is told for how many days
    single calls are kept (0: for ever), or None by who looks only, and so deletes nothing.

    `place` names the store for people. `last_good` keeps its last state where it may be away.
    `counts` are figures of what it costs. A `shared` store is not this installation's own: nothing
    is written into it that nobody asked for.
    """

    models: DocumentRepository
    projects: DocumentRepository
    keys: KeyRepository
    signing_keys: SigningKeyRepository
    feeds: Feeds
    open_usage: Callable[[int | None], Awaitable[UsageLedger]]
    place: str
    close: Callable[[], Awaitable[None]]
    clock: Clock
    last_good: LastGood | None = None
    shared: bool = False
    counts: Callable[[], dict[str, float]] | None = None


async def open_store(settings: Settings) -> Store:
    """Open the store that the settings name. Raises StoreUnusableError or Unavailable."""
    if settings.registry.cosmos is None:
        store = await open_sqlite(settings.data_dir)
    else:
        from llmproxy.bootstrap.cosmos import open_cosmos  # noqa: PLC0415 - the Azure SDK

        store = await open_cosmos(settings, settings.registry.cosmos)
    folder = settings.registry.models_path
    return store if folder is None else _with_models_of(store, folder)


async def open_sqlite(data_dir: Path) -> Store:
    """Open (or make) the SQLite file in this folder. Raises StoreUnusableError or Unavailable."""
    path = data_dir / FILE_NAME
    file = await SqliteFile.open(path)
    clock = SystemClock()

    async def open_usage(keep_rows_days: int | None) -> UsageLedger:
        from llmproxy.infra.database.sqlite.usage_ledger import (  # noqa: PLC0415 - few need it
            SqliteUsageLedger,
        )

        return await SqliteUsageLedger.open(path, clock, keep_rows_days=keep_rows_days)

    return Store(
        models=SqliteDocumentRepository(file, "models"),
        projects=SqliteDocumentRepository(file, "projects"),
        keys=SqliteKeyRepository(file),
        signing_keys=SqliteSigningKeyRepository(file),
        feeds=Feeds(
            SqliteDocumentFeed(file, "models"),
            SqliteKeyFeed(file),
            SqliteDocumentFeed(file, "projects"),
        ),
        open_usage=open_usage,
        place=str(path),
        close=file.close,
        clock=clock,
    )


def _with_models_of(store: Store, path: Path) -> Store:
    folder = DocumentFolder(path, store.clock)
    return replace(
        store,
        models=FolderDocumentRepository(folder),
        feeds=replace(store.feeds, models=FolderFeed(folder)),
        place=f"{store.place}, models of {path}",
        shared=True,
    )
