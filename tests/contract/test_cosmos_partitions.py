"""Items as they stand in Cosmos DB: moves between partitions, tombstones, edits in the portal."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.document_repository import Change, StoredDocument
from llmproxy.application.interfaces.feed import News
from llmproxy.infra.database.cosmos.account import CosmosAccount
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import CosmosFeed, documents_feed
from llmproxy.infra.database.cosmos.shelf import (
    models_shelf,
)
from tests.contract.cosmos_places import made
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(name="account")
async def _account(tmp_path: Path) -> AsyncIterator[CosmosAccount]:
    account = await made(tmp_path)
    yield account
    await account.close()


@pytest.fixture(name="models")
def _models(account: CosmosAccount) -> CosmosDocumentRepository:
    return CosmosDocumentRepository(models_shelf(account))


@pytest_asyncio.fixture(name="feed")
async def _feed(account: CosmosAccount) -> CosmosFeed[StoredDocument]:
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await feed.everything()
    return feed


async def items(account: CosmosAccount) -> list[Mapping[str, Any]]:
    """Return what is in the container of models, as the portal shows it."""
    return [item async for item in account.models.query_items("SELECT * FROM c")]


def told(news: News[StoredDocument] | None) -> tuple[list[str], set[str], dict[str, str]]:
    """Return providers of what changed, ids of what is gone, and faults."""
    assert news is not None
    providers = [str(each.document["provider"]) for each in news.changed]
    return providers, set(news.gone), dict(news.faults)


async def test_a_document_stands_at_the_top_of_its_item(
    account: CosmosAccount, models: CosmosDocumentRepository
) -> None:
    """With one field of ours; what Cosmos DB adds is not in the document."""
    await models.put(document(), at=1000.5)

    (item,) = await items(account)
    assert document().items() <= item.items()
    assert {name for name in item if name not in document() and not name.startswith("_")} == {
        "llmproxy_registered_at"
    }
    assert item["llmproxy_registered_at"] == 1000.5


async def test_items_written_in_the_portal_are_documents(
    account: CosmosAccount, models: CosmosDocumentRepository, feed: CosmosFeed[StoredDocument]
) -> None:
    """Without our field too; an edit there is told of like any other."""
    await account.models.create_item(document())
    assert told(await feed.news()) == (["OpenAI"], set(), {})
    assert [each.document for each in await models.load_all()] == [document()]
    assert await models.put(document(), at=5) is Change.UNCHANGED

    await account.models.upsert_item(document(name="Edited"))
    news = await feed.news()

    assert news is not None
    assert [each.document["name"] for each in news.changed] == ["Edited"]
    assert news.changed[0] == await models.get("gpt-mini")


async def test_what_the_portal_deletes_is_gone_with_the_next_reload(
    account: CosmosAccount, models: CosmosDocumentRepository, feed: CosmosFeed[StoredDocument]
) -> None:
    """The change feed has no word for it; `"deleted": true` is what it tells of at once."""
    await models.put_all([document(id="a"), document(id="b")], at=1)
    await feed.news()
    await account.models.delete_item("a", "OpenAI")
    assert await feed.news() is None
    assert [each.id for each in (await feed.everything()).changed] == ["b"]

    await account.models.upsert_item(document(id="b", deleted=True))
    assert told(await feed.news()) == ([], {"b"}, {})
    assert await models.load_all() == []


async def test_a_new_provider_is_a_move(
    account: CosmosAccount, models: CosmosDocumentRepository, feed: CosmosFeed[StoredDocument]
) -> None:
    """New in one partition, a tombstone in the other; it keeps its place in the list."""
    await models.put_all([document(id="a"), document(id="b")], at=1)
    await feed.news()
    before = await models.get("a")
    assert before is not None

    after = await models.replace(document(id="a", provider="Azure"), at=9, etag=before.etag)

    assert after.document["provider"] == "Azure"
    assert [each.id for each in await models.load_all()] == ["a", "b"]
    assert told(await feed.news()) == (["Azure"], set(), {})
    found = {(item["id"], item["provider"]): item for item in await items(account)}
    tombstone = found["a", "OpenAI"]
    assert (tombstone["deleted"], tombstone["ttl"]) == (True, 7 * 24 * 3600)
    assert "parameters" not in tombstone
    assert "deleted" not in found["a", "Azure"]


async def test_a_move_there_and_back(models: CosmosDocumentRepository) -> None:
    """The tombstone of the first place makes room again."""
    for provider, change in (
        ("A", Change.ADDED),
        ("B", Change.CHANGED),
        ("A", Change.CHANGED),
        ("A", Change.UNCHANGED),
    ):
        assert await models.put(document(provider=provider), at=1) is change
    assert [each.document["provider"] for each in await models.load_all()] == ["A"]
    assert await models.delete("gpt-mini")
    assert not await models.delete("gpt-mini")


async def test_one_id_in_two_partitions_is_named(
    account: CosmosAccount, models: CosmosDocumentRepository, feed: CosmosFeed[StoredDocument]
) -> None:
    """The one changed last counts, everywhere the same; deleting takes both."""
    await account.models.create_item(document(provider="B", llmproxy_registered_at=1))
    await account.models.create_item(document(provider="A", llmproxy_registered_at=2))

    providers, gone, faults = told(await feed.news())
    assert (providers, gone) == (["A"], set())
    assert "provider A" in faults["gpt-mini"]
    assert "remove the one of B" in faults["gpt-mini"]
    assert [each.document["provider"] for each in await models.load_all()] == ["A"]
    assert told(await feed.everything()) == (providers, gone, faults)

    assert await models.delete("gpt-mini")
    assert await models.load_all() == []
    assert told(await feed.news()) == ([], {"gpt-mini"}, {})


async def test_a_duplicate_that_is_removed_is_mended(
    account: CosmosAccount, feed: CosmosFeed[StoredDocument]
) -> None:
    """And the other one comes to light."""
    await account.models.create_item(document(provider="B", llmproxy_registered_at=1))
    newer = document(provider="A", llmproxy_registered_at=2)
    await account.models.create_item(newer)
    await feed.news()

    await account.models.upsert_item(newer | {"deleted": True})

    assert told(await feed.news()) == (["B"], set(), {})


async def test_an_item_without_a_provider_can_be_removed(
    account: CosmosAccount, models: CosmosDocumentRepository
) -> None:
    """Such a document is refused when it is read; the command that removes it must work."""
    broken = {name: value for name, value in document().items() if name != "provider"}
    await account.models.create_item(broken)

    assert [each.document for each in await models.load_all()] == [broken]
    with pytest.raises(ValueError, match="provider"):
        await models.put(broken | {"name": "New"}, at=1)
    assert await models.delete("gpt-mini")
    assert await models.load_all() == []


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"id": "a "}, "blank"), ({"provider": 5}, "provider"), ({"deleted": True}, "deleted")],
)
async def test_documents_that_cannot_be_kept_are_refused(
    models: CosmosDocumentRepository, wrong: dict[str, Any], word: str
) -> None:
    """With the reason, before anything is written."""
    with pytest.raises(ValueError, match=word):
        await models.put_all([document(id="good"), document() | wrong], at=1)
    assert await models.load_all() == []


async def test_numbers_are_compared_as_the_service_keeps_them(
    models: CosmosDocumentRepository,
) -> None:
    """To import the same again changes nothing, though 1.0 comes back as 1."""
    given = document(a=1.0, b=2**53 + 1, c=10**30, d=[1.0, True])
    assert await models.put(given, at=1) is Change.ADDED
    assert await models.put(given, at=2) is Change.UNCHANGED
    assert await models.put(given | {"d": [1.0, 1]}, at=2) is Change.CHANGED


async def test_many_documents_at_once(
    models: CosmosDocumentRepository, feed: CosmosFeed[StoredDocument]
) -> None:
    """In the order in which they were given, over several pages of the feed."""
    many = [document(id=f"m{n:04}", provider=f"p{n % 7}") for n in range(1100)]
    assert set(await models.put_all(many, at=1)) == {Change.ADDED}

    news = await feed.news()
    assert news is not None
    assert [each.document for each in news.changed] == many
    assert await feed.news() is None
    assert set(await models.put_all(many, at=2)) == {Change.UNCHANGED}
    assert await feed.news() is None


async def test_the_same_id_twice_in_one_import(models: CosmosDocumentRepository) -> None:
    """The later one counts."""
    given = [document(), document(name="New"), document(provider="Other")]
    assert await models.put_all(given, at=1) == [Change.ADDED, Change.CHANGED, Change.CHANGED]
    assert [each.document for each in await models.load_all()] == given[2:]
