"""Where documents are kept: what makes each DocumentRepository, empty, for the suites."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from llmproxy.application.interfaces.document_repository import DocumentRepository
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.document_repository import FolderDocumentRepository
from llmproxy.infra.database.memory import MemoryDocumentRepository
from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from tests.contract.cosmos_places import cosmos_documents, cosmos_projects
from tests.fakes.clock import FakeClock

Make = Callable[[Path], Awaitable[DocumentRepository]]


async def memory(_folder: Path) -> DocumentRepository:
    """Make the memory adapter."""
    return MemoryDocumentRepository()


async def sqlite_models(folder: Path) -> DocumentRepository:
    """Make the SQLite adapter over its table of models."""
    return SqliteDocumentRepository(await SqliteFile.open(folder / "store.sqlite3"), "models")


async def sqlite_projects(folder: Path) -> DocumentRepository:
    """Make the SQLite adapter over its table of projects."""
    return SqliteDocumentRepository(await SqliteFile.open(folder / "store.sqlite3"), "projects")


async def files(folder: Path) -> DocumentRepository:
    """Make the adapter that only reads: files in a folder."""
    return FolderDocumentRepository(DocumentFolder(folder, FakeClock()))


EXACT: list[Make] = [memory, sqlite_models, sqlite_projects]
"""Stores that keep to the letter what Cosmos DB does not: the time that they are given, integers
beyond 2**53, ids that end with a blank."""
WRITABLE: list[Make] = [*EXACT, cosmos_documents, cosmos_projects]
