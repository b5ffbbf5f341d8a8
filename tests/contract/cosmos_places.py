"""Cosmos DB's adapters over the emulator: one process for all tests, a database for each."""

import atexit
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from uuid import uuid4

from llmproxy.application.interfaces.document_repository import DocumentRepository
from llmproxy.application.interfaces.key_repository import KeyRepository
from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.domain.secret import Secret
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.initialise import initialise
from llmproxy.infra.database.cosmos.key_repository import CosmosKeyRepository
from llmproxy.infra.database.cosmos.shelf import (
    keys_shelf,
    models_shelf,
    projects_shelf,
    signing_keys_shelf,
)
from llmproxy.infra.database.cosmos.signing_key_repository import CosmosSigningKeyRepository
from llmproxy.infra.database.cosmos.transport import Transport
from tests.emulator.running import Emulator, emulator, require

RELOAD_EVERY_S = 60.0


@cache
def running() -> Emulator:
    """Start the emulator at the first call; skips the test where it cannot run, fails in CI."""
    require()
    stack = ExitStack()
    started = stack.enter_context(emulator())
    atexit.register(stack.close)
    return started


def place(database: str | None = None, *, key: str | None = None) -> CosmosPlace:
    """Name a database of the running emulator, by default a new one."""
    there = running()
    return CosmosPlace(
        there.url, Secret(key or there.key), database or f"test-{uuid4().hex}", "models", "keys"
    )


async def made(folder: Path, *, transport: Transport | None = None) -> CosmosAccount:
    """Open a database whose containers are there; the same folder gives the same one."""
    account = await CosmosAccount.open(place(_database(folder)), transport=transport)
    await initialise(account)
    return account


def is_dated(repository: DocumentRepository, updated_at: float, at: float) -> bool:
    """Tell whether a document is from this time; Cosmos DB's own clock dates its items."""
    if isinstance(repository, CosmosDocumentRepository):
        return abs(updated_at - time.time()) < 60
    return updated_at == at


async def cosmos_documents(folder: Path) -> DocumentRepository:
    """Make the repository of models."""
    return CosmosDocumentRepository(models_shelf(await made(folder)))


async def cosmos_projects(folder: Path) -> DocumentRepository:
    """Make the repository of projects."""
    return CosmosDocumentRepository(projects_shelf(await made(folder)))


async def cosmos_keys(folder: Path) -> KeyRepository:
    """Make the repository of keys."""
    return CosmosKeyRepository(keys_shelf(await made(folder)))


async def cosmos_signing_keys(
    folder: Path,
) -> tuple[SigningKeyRepository, CosmosAccount]:
    """Make the repository of the signing key, and what closes it."""
    account = await made(folder)
    return CosmosSigningKeyRepository(signing_keys_shelf(account)), account


def _database(folder: Path) -> str:
    return f"{folder.name}-{abs(hash(str(folder))):x}"
