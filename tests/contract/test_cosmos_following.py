"""Following Cosmos DB when positions are lost, feeds share a client, and regions fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.document_repository import (
    Change,
    StoredDocument,
)
from llmproxy.application.interfaces.feed import News
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed, keys_feed
from llmproxy.infra.database.cosmos.initialise import initialise
from llmproxy.infra.database.cosmos.shelf import keys_shelf, models_shelf, projects_shelf
from tests.contract.cosmos_places import made, running
from tests.emulator.running import Emulator, emulator
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


@pytest.fixture(name="there")
def _there() -> Iterator[Emulator]:
    there = running()
    yield there
    there.heal()


@pytest_asyncio.fixture(name="account")
async def _account(there: Emulator, tmp_path: Path) -> AsyncIterator[CosmosAccount]:
    assert there.ports
    account = await made(tmp_path)
    yield account
    await account.close()


@pytest.fixture(name="models")
def _models(account: CosmosAccount) -> CosmosDocumentRepository:
    return CosmosDocumentRepository(models_shelf(account))


def ids(news: News[StoredDocument] | None) -> list[str]:
    """Return what is told as changed."""
    assert news is not None
    return [each.id for each in news.changed]


@pytest.mark.parametrize("status", [400, 410])
async def test_a_lost_position_is_everything_again(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository, status: int
) -> None:
    """With what is gone since, which the feed itself would not have told of."""
    await models.put_all([document(id="a"), document(id="b")], at=1)
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await feed.everything()
    await account.models.delete_item("a", "OpenAI")
    assert await feed.news() is None

    there.fail(status=status, kind="feed")
    news = await feed.news()

    assert ids(news) == ["b"]
    assert news is not None
    assert set(news.gone) == {"a"}
    assert await feed.news() is None


async def test_a_container_made_anew_is_everything_again(
    account: CosmosAccount, models: CosmosDocumentRepository
) -> None:
    """As after a restored backup."""
    await models.put(document(id="a"), at=1)
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await feed.everything()
    await account.database.delete_container(account.models)
    again = await CosmosAccount.open(account.place)
    await initialise(again)
    await CosmosDocumentRepository(models_shelf(again)).put(document(id="b"), at=1)

    # The SDK notices by itself, and goes on from a position of the old container once.
    told = [news for news in [await _news(feed), await _news(feed)] if news is not None]

    assert {each for news in told for each in ids(news)} == {"b"}
    assert {each for news in told for each in news.gone} == {"a"}
    assert await feed.news() is None
    await again.close()


async def _news(feed: Any) -> News[StoredDocument] | None:  # noqa: ANN401 - either feed
    try:
        news: News[StoredDocument] | None = await feed.news()
    except Unavailable:
        return None
    return news


async def test_feeds_share_a_client(account: CosmosAccount) -> None:
    """The SDK keeps the position of a page in its client: three feeds must not mix theirs up."""
    models, projects = (
        CosmosDocumentRepository(shelf(account)) for shelf in (models_shelf, projects_shelf)
    )
    feeds = [
        documents_feed(models_shelf(account), reload_every_s=60),
        documents_feed(projects_shelf(account), reload_every_s=60),
    ]
    keys = keys_feed(keys_shelf(account), reload_every_s=60)
    seen: list[set[str]] = [set(), set()]
    for turn in range(10):
        await asyncio.gather(
            models.put(document(id=f"m{turn}", provider=f"p{turn}"), at=turn),
            projects.put({"id": f"p{turn}"}, at=turn),
            keys.news(),
            *(_collect(feed, ids_) for feed, ids_ in zip(feeds, seen, strict=True)),
        )
    await asyncio.gather(*(_collect(feed, ids_) for feed, ids_ in zip(feeds, seen, strict=True)))

    assert seen[0] == {f"m{turn}" for turn in range(10)}
    assert seen[1] == {f"p{turn}" for turn in range(10)}


async def _collect(feed: Any, into: set[str]) -> None:  # noqa: ANN401 - either feed
    news = await feed.news()
    into.update(ids(news) if news is not None else [])


@pytest_asyncio.fixture(name="regions", scope="function")
async def _regions() -> AsyncIterator[tuple[Emulator, CosmosAccount]]:
    running()
    with emulator(regions=2) as two:
        account = await CosmosAccount.open(
            CosmosPlace(two.url, Secret(two.key), "d", "models", "keys")
        )
        await initialise(account)
        yield two, account
        await account.close()


async def test_a_failing_region_is_left(regions: tuple[Emulator, CosmosAccount]) -> None:
    """Reads go on in the other one."""
    two, account = regions
    models = CosmosDocumentRepository(models_shelf(account))
    await models.put(document(), at=1)
    two.seen()
    two.fail(status=503, kind="query", port=two.ports[1], times=1000)

    assert len(await models.load_all()) == 1
    assert {each["port"] for each in two.seen()} >= set(two.ports[1:])


async def test_a_moved_write_region_is_found(regions: tuple[Emulator, CosmosAccount]) -> None:
    """403/3: the region takes no writes any more, the account is asked which one does."""
    two, account = regions
    models = CosmosDocumentRepository(models_shelf(account))
    two.fail(status=403, headers={"x-ms-substatus": "3"}, kind="write")

    assert await models.put(document(), at=1) is Change.ADDED
