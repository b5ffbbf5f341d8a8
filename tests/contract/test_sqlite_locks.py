"""Several connections of one process to one SQLite file, while other processes come and go."""

from pathlib import Path

import pytest

from llmproxy.infra.database.sqlite.document_repository import SqliteDocumentRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from tests.contract.test_sqlite_file import put_elsewhere

pytestmark = pytest.mark.asyncio


async def test_two_connections_of_one_process_keep_their_locks(tmp_path: Path) -> None:
    """Other processes come and go, and take no side file away under them."""
    path = tmp_path / "store.sqlite3"
    one, two = await SqliteFile.open(path), await SqliteFile.open(path)
    try:
        for name in ("first", "second", "third"):
            await put_elsewhere(path, name)
            for file in (one, two):
                assert await SqliteDocumentRepository(file, "models").get(name) is not None
    finally:
        await one.close()
        await two.close()
