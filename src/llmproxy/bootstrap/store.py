"""Opening the store: one SQLite file in the data folder."""

from pathlib import Path
from typing import NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.key_repository import KeyRepository
from llmproxy.application.interfaces.model_repository import ModelRepository
from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from llmproxy.infra.database.sqlite.model_repository import SqliteModelRepository
from llmproxy.infra.database.sqlite.signing_key_repository import SqliteSigningKeyRepository
from llmproxy.infra.telemetry.clock import SystemClock

FILE_NAME = "llmproxy.sqlite3"


class Store(NamedTuple):
    """The repositories over one file, and the time; `close` lets go of the file."""

    models: ModelRepository
    keys: KeyRepository
    signing_keys: SigningKeyRepository
    path: Path
    clock: Clock

    async def close(self) -> None:
        """Let go of the file."""
        await self.keys.close()
        await self.models.close()


async def open_store(data_dir: Path) -> Store:
    """Open (or make) the store in this folder. Raises StoreUnusableError or Unavailable."""
    path = data_dir / FILE_NAME
    file = await SqliteFile.open(path)
    return Store(
        SqliteModelRepository(file),
        SqliteKeyRepository(file),
        SqliteSigningKeyRepository(file),
        path,
        SystemClock(),
    )
