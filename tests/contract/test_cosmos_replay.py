"""What the emulator, which has one physical partition, cannot show: answers from files instead."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from llmproxy.domain.secret import Secret
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed
from llmproxy.infra.database.cosmos.shelf import models_shelf
from tests.contract.cosmos_replay import Replay

pytestmark = pytest.mark.asyncio

URL = "https://account.documents.azure.com/"


@pytest.fixture(name="replay")
def _replay(request: pytest.FixtureRequest) -> Replay:
    return Replay.of(request.param)


@pytest_asyncio.fixture(name="account")
async def _account(replay: Replay) -> AsyncIterator[CosmosAccount]:
    place = CosmosPlace(URL, Secret("a2V5"), "d", "models", "keys")
    account = await CosmosAccount.open(place, transport=replay)
    yield account
    await account.close()


@pytest.mark.parametrize("replay", ["query_over_two_ranges"], indirect=True)
async def test_a_query_is_merged(account: CosmosAccount, replay: Replay) -> None:
    """Over both ranges, in the order of registration, past one that is throttled."""
    documents = await CosmosDocumentRepository(models_shelf(account)).load_all()

    assert [each.id for each in documents] == ["c", "b", "a"]
    assert documents[0].document == {"id": "c", "provider": "p-c"}
    assert documents[0].etag == '"c-1"'
    assert account.counts().throttled == 1
    assert account.counts().request_units == pytest.approx(2.83 * len(replay.log))


@pytest.mark.parametrize("replay", ["feed_over_two_ranges"], indirect=True)
async def test_the_feed_follows_every_range(account: CosmosAccount, replay: Replay) -> None:
    """Each goes on from its own position."""
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    assert [each.id for each in (await feed.everything()).changed] == ["c", "b", "a"]
    assert await feed.news() is None

    replay.step = 2
    news = await feed.news()

    assert news is not None
    assert [(each.id, each.document["name"]) for each in news.changed] == [("b", "New")]
    assert await feed.news() is None


@pytest.mark.parametrize("replay", ["feed_over_a_split"], indirect=True)
async def test_the_feed_outlives_a_split(account: CosmosAccount, replay: Replay) -> None:
    """Nothing is told twice and nothing is missed."""
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    assert [each.id for each in (await feed.everything()).changed] == ["b", "a"]
    assert await feed.news() is None

    replay.step = 2
    news = await feed.news()

    assert news is not None
    assert [(each.id, each.document["name"]) for each in news.changed] == [("b", "New")]
    assert await feed.news() is None
    assert [status for _, _, status in replay.log].count(410) == 1
