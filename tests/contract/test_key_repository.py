"""What every KeyRepository does, run against each adapter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.key_repository import (
    KeyChangedError,
    KeyExistsError,
    KeyMissingError,
    KeyRepository,
    StoredKey,
)
from llmproxy.domain.caller import key_digest
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.infra.database.memory import MemoryKeyRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_repository import SqliteKeyRepository
from tests.contract.cosmos_places import cosmos_keys

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
    replaces="key_before",
    limits=Limits(
        (
            Rule(Measure.REQUESTS, Window.MINUTE, 60),
            Rule(Measure.COST, Window.MONTH, 250_000_000_001),
        ),
        5,
        "EUR",
        (80, 100),
    ),
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


@pytest_asyncio.fixture(name="keys", params=[memory, sqlite, cosmos_keys])
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


async def test_update_keeps_all_but_id_and_digest(keys: KeyRepository) -> None:
    """Every other field may change, to a value and to none."""
    await keys.add(FULL)
    await keys.add(BARE)
    bare = replace(BARE, id=FULL.id, digest=FULL.digest)
    full = replace(FULL, id=BARE.id, digest=BARE.digest, revoked_at=1700.5)
    await keys.update(bare, expected=FULL)
    await keys.update(full, expected=BARE)

    assert await keys.get(FULL.id) == bare
    assert await keys.get(BARE.id) == full
    assert await keys.load_all() == [bare, full]


async def test_update_takes_only_what_is_expected(keys: KeyRepository) -> None:
    """A key that somebody revoked meanwhile does not live again."""
    await keys.add(FULL)
    await keys.revoke(FULL.id, 1500)

    with pytest.raises(KeyChangedError, match="key_full"):
        await keys.update(replace(FULL, expires_at=None), expected=FULL)
    assert await keys.get(FULL.id) == replace(FULL, revoked_at=1500)
    with pytest.raises(KeyMissingError, match="key_bare"):
        await keys.update(BARE, expected=BARE)


async def test_an_update_to_the_same_is_fine(keys: KeyRepository) -> None:
    """And the next one finds it as it was."""
    await keys.add(FULL)
    await keys.update(FULL, expected=FULL)
    await keys.update(replace(FULL, expires_at=1.5), expected=FULL)

    assert await keys.get(FULL.id) == replace(FULL, expires_at=1.5)


async def test_one_of_many_who_update_at_once_wins(keys: KeyRepository) -> None:
    """The others are told, so that no change is lost."""
    await keys.add(FULL)
    outcomes = await asyncio.gather(
        *(keys.update(replace(FULL, expires_at=3000.0 + n), expected=FULL) for n in range(8)),
        return_exceptions=True,
    )

    assert outcomes.count(None) == 1
    assert sum(isinstance(each, KeyChangedError) for each in outcomes) == 7
    assert await keys.get(FULL.id) == replace(FULL, expires_at=3000.0 + outcomes.index(None))


async def test_closing_twice_is_fine(keys: KeyRepository) -> None:
    """The fixture closes once more."""
    await keys.close()
