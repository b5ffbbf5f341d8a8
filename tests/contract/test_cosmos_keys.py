"""Keys, projects and the signing key in one container, and what the portal does to them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.domain.caller import key_digest
from llmproxy.infra.database.cosmos.account import CosmosAccount
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed, keys_feed
from llmproxy.infra.database.cosmos.key_repository import CosmosKeyRepository
from llmproxy.infra.database.cosmos.shelf import (
    keys_shelf,
    projects_shelf,
    signing_keys_shelf,
)
from llmproxy.infra.database.cosmos.signing_key_repository import CosmosSigningKeyRepository
from tests.contract.cosmos_places import made

pytestmark = pytest.mark.asyncio

KEY = StoredKey("key_1", key_digest(b"one"), "sk-one", "team", None, False, 1.5)  # noqa: FBT003


@pytest_asyncio.fixture(name="account")
async def _account(tmp_path: Path) -> AsyncIterator[CosmosAccount]:
    account = await made(tmp_path)
    yield account
    await account.close()


async def test_kinds_share_a_container(account: CosmosAccount) -> None:
    """The same id as key and project; neither list and neither feed holds the other."""
    keys, projects = keys_shelf(account), projects_shelf(account)
    await CosmosKeyRepository(keys).add(replace(KEY, id="same"))
    await CosmosDocumentRepository(projects).put({"id": "same", "name": "P"}, at=1)
    await CosmosSigningKeyRepository(signing_keys_shelf(account)).keep(b"signing")

    assert [each.id for each in await CosmosKeyRepository(keys).load_all()] == ["same"]
    stored = await CosmosDocumentRepository(projects).load_all()
    assert [each.document for each in stored] == [{"id": "same", "name": "P"}]
    assert len((await keys_feed(keys, reload_every_s=60).everything()).changed) == 1
    assert len((await documents_feed(projects, reload_every_s=60).everything()).changed) == 1


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        ({"digest": "00"}, "SHA-256"),
        ({"digest": "zz"}, "hexadecimal"),
        ({"models": "all"}, "models"),
        ({"admin": "yes"}, "admin"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"project": 7}, "project"),
        ({"limits": {"cost_per_mont": 5}}, "limits.cost_per_mont"),
        ({"limits": "none"}, "limits"),
    ],
)
async def test_a_key_that_was_damaged_opens_nothing(
    account: CosmosAccount, edit: dict[str, Any], word: str
) -> None:
    """It is gone for whoever follows, and named; the others stay."""
    keys = CosmosKeyRepository(keys_shelf(account))
    feed = keys_feed(keys_shelf(account), reload_every_s=60)
    other = replace(KEY, id="key_2", digest=key_digest(b"two"))
    for key in (KEY, other):
        await keys.add(key)
    assert list((await feed.everything()).changed) == [KEY, other]
    item = dict(await account.keys.read_item(KEY.id, "key"))

    await account.keys.upsert_item(item | edit)
    news = await feed.news()

    assert news is not None
    assert (list(news.changed), set(news.gone)) == ([], {KEY.id})
    assert word in news.faults[KEY.id]
    assert list((await feed.everything()).changed) == [other]
    with pytest.raises(StoreUnusableError, match=KEY.id):
        await keys.load_all()
    await account.keys.upsert_item(item)
    news = await feed.news()
    assert news is not None
    assert (list(news.changed), dict(news.faults)) == ([KEY], {})


async def test_a_key_revoked_in_the_portal_is_told_of(account: CosmosAccount) -> None:
    """As any other change."""
    keys = CosmosKeyRepository(keys_shelf(account))
    feed = keys_feed(keys_shelf(account), reload_every_s=60)
    await keys.add(KEY)
    await feed.everything()
    item = dict(await account.keys.read_item(KEY.id, "key"))

    await account.keys.upsert_item(item | {"revoked_at": 7})

    news = await feed.news()
    assert news is not None
    assert list(news.changed) == [replace(KEY, revoked_at=7.0)]


async def test_the_signing_key_is_made_once(account: CosmosAccount, tmp_path: Path) -> None:
    """Two gateways that start at the same time get the same."""
    other = await made(tmp_path)
    one, two = (CosmosSigningKeyRepository(signing_keys_shelf(each)) for each in (account, other))
    first = await one.keep(b"one")
    assert (first, await two.keep(b"two")) == (b"one", b"one")
    await other.close()
