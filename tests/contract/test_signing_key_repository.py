"""What every SigningKeyRepository does, run against each adapter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.infra.database.memory import MemorySigningKeyRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.signing_key_repository import SqliteSigningKeyRepository
from tests.contract.cosmos_places import cosmos_signing_keys

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(name="signing_keys", params=["memory", "sqlite", "cosmos"])
async def _signing_keys(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SigningKeyRepository]:
    if request.param == "memory":
        yield MemorySigningKeyRepository()
        return
    if request.param == "cosmos":
        repository, account = await cosmos_signing_keys(tmp_path)
        yield repository
        await account.close()
        return
    file = await SqliteFile.open(tmp_path / "store.sqlite3")
    yield SqliteSigningKeyRepository(file)
    await file.close()


async def test_the_first_key_stays(signing_keys: SigningKeyRepository) -> None:
    """Whoever comes later gets that one, whatever it brings."""
    assert await signing_keys.keep(b"first") == b"first"
    assert await signing_keys.keep(b"second") == b"first"


async def test_every_process_and_every_start_gets_the_same_key(tmp_path: Path) -> None:
    """The key is in the file; a start that finds it changes nothing there."""
    path = tmp_path / "store.sqlite3"
    one, two = await SqliteFile.open(path), await SqliteFile.open(path)
    assert await SqliteSigningKeyRepository(one).keep(b"one") == b"one"
    before = await one.version()
    assert await SqliteSigningKeyRepository(two).keep(b"two") == b"one"
    assert await one.version() == before
    await one.close()
    await two.close()

    again = await SqliteFile.open(path)
    assert await SqliteSigningKeyRepository(again).keep(b"three") == b"one"
    await again.close()
