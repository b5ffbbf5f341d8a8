"""What every KeyRepository does, run against each adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.key_repository import (
    KeyExistsError,
    KeyRepository,
    StoredKey,
)
from llmproxy.domain.caller import key_digest
from llmproxy.infra.database.memory import MemoryKeyRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository

pytestmark = pytest.mark.asyncio

FULL = StoredKey(
    id="key_full",
    digest=key_digest(b"full"),
    prefix="sk-llmproxy-full",
    project="équipe",
    models=frozenset({"gpt-4", 'a,"b'}),
    admin=True,
    created_at=1000.25,
    expires_at=2000.5,
)
BARE = StoredKey(
    id="key_bare",
    digest=key_digest(b"bare"),
    prefix="sk-llmproxy-bare",
    project=None,
    models=None,
    admin=False,
    created_at=999.0,
)


async def memory(_folder: Path) -> KeyRepository:
    """Make the memory adapter."""
    return MemoryKeyRepository()


async def sqlite(folder: Path) -> KeyRepository:
    """Make the SQLite adapter."""
    return SqliteKeyRepository(await SqliteFile.open(folder / "store.sqlite3"))


@pytest_asyncio.fixture(name="keys", params=[memory, sqlite])
async def _keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyRepository]:
    make: Callable[[Path], Awaitable[KeyRepository]] = request.param
    repository = await make(tmp_path)
    yield repository
    await repository.close()


async def test_a_new_store_is_empty(keys: KeyRepository) -> None:
    """Nothing is there, and asking for it is no error."""
    assert await keys.load_all() == []
    assert await keys.get("x") is None
    assert not await keys.revoke("x", 1)


async def test_what_is_added_comes_back(keys: KeyRepository) -> None:
    """Every field, oldest key first; None stays None and no model stays no model."""
    none_at_all = replace(BARE, id="key_none", digest=key_digest(b"none"), models=frozenset())
    for key in (FULL, none_at_all, BARE):
        await keys.add(key)

    assert await keys.load_all() == [BARE, none_at_all, FULL]
    assert await keys.get("key_full") == FULL


@pytest.mark.parametrize(
    "twin",
    [
        pytest.param(replace(FULL, digest=key_digest(b"other")), id="same id"),
        pytest.param(replace(FULL, id="key_other"), id="same digest"),
    ],
)
async def test_a_twin_is_refused(keys: KeyRepository, twin: StoredKey) -> None:
    """Neither the id nor the digest may be there already; the first key stays as it is."""
    await keys.add(FULL)

    with pytest.raises(KeyExistsError, match=twin.id):
        await keys.add(twin)
    assert await keys.load_all() == [FULL]


async def test_revoking_keeps_the_first_time(keys: KeyRepository) -> None:
    """The row stays; only its time of revocation is set, once."""
    await keys.add(FULL)
    await keys.add(BARE)

    assert await keys.revoke("key_full", 1500.5)
    assert await keys.revoke("key_full", 1600)

    assert await keys.load_all() == [BARE, replace(FULL, revoked_at=1500.5)]


async def test_the_version_grows_with_every_change(keys: KeyRepository) -> None:
    """And stands still while nothing changes."""
    seen = [await keys.version()]
    await keys.add(FULL)
    seen.append(await keys.version())
    await keys.revoke(FULL.id, 1)
    seen.append(await keys.version())

    assert seen == sorted(set(seen))
    await keys.revoke(FULL.id, 2)
    await keys.revoke("key_unknown", 2)
    await keys.load_all()
    assert await keys.version() == seen[-1]


async def test_closing_twice_is_fine(keys: KeyRepository) -> None:
    """The fixture closes once more."""
    await keys.close()
