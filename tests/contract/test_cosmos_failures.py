"""Cosmos DB failing in every way that the emulator can, and the store over it."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    StoredDocument,
)
from llmproxy.application.interfaces.feed import News
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.account import CosmosAccount
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed
from llmproxy.infra.database.cosmos.shelf import models_shelf
from tests.contract.cosmos_places import made, place, running
from tests.emulator.running import WRONG_KEY, Emulator
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio

LONGEST_S = 6.0


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


async def away(work: Any) -> Unavailable:  # noqa: ANN401 - any awaitable
    """Return how the work says that the store is away, which it does in time."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await work
    assert time.monotonic() - began < LONGEST_S
    assert running().key not in caught.value.detail
    assert caught.value.retry_after_s is not None
    return caught.value


async def test_throttling_is_waited_for(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository
) -> None:
    """As long as the service says, for reads and for writes; it is counted."""
    wait = {"x-ms-retry-after-ms": "40"}
    there.fail(status=429, headers=wait, kind="query", times=2)
    there.fail(status=429, headers=wait, kind="write", times=2)

    assert await models.put(document(), at=1) is Change.ADDED
    assert account.counts().throttled == 4


@pytest.mark.parametrize("kind", ["query", "write", "feed"])
async def test_endless_throttling_ends_in_time(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository, kind: str
) -> None:
    """The caller hears when to come back."""
    there.fail(status=429, headers={"x-ms-retry-after-ms": "1500"}, body={}, kind=kind, times=1000)
    feed = documents_feed(models_shelf(account), reload_every_s=60)

    told = await away(feed.everything() if kind == "feed" else models.put(document(), at=1))

    assert told.retry_after_s is not None
    assert told.retry_after_s >= 1
    there.heal()
    assert await models.put(document(), at=1) is Change.ADDED


@pytest.mark.parametrize("status", [408, 410, 449, 500, 503])
async def test_a_write_that_failed_is_sent_again(
    there: Emulator, models: CosmosDocumentRepository, status: int
) -> None:
    """Whatever the SDK does not try again by itself: a new document, a change, a deletion."""
    for work, outcome in (
        (lambda: models.put(document(), at=1), Change.ADDED),
        (lambda: models.put(document(name="New"), at=2), Change.CHANGED),
        (lambda: models.delete("gpt-mini"), True),
    ):
        there.fail(status=status, kind="write")
        assert await work() == outcome
    assert await models.load_all() == []


@pytest.mark.parametrize(
    "fault", [{"status": 408}, {"status": 500}, {"status": 503}, {"reset": True}]
)
async def test_a_write_whose_answer_was_lost_is_done_once(
    there: Emulator, models: CosmosDocumentRepository, fault: dict[str, Any]
) -> None:
    """It meets itself when it is sent again, and that is no conflict with somebody else."""
    there.fail(lost=True, kind="write", **fault)
    created = await models.create(document(), at=1)
    there.fail(lost=True, kind="write", **fault)
    replaced = await models.replace(document(name="New"), at=2, etag=created.etag)
    there.fail(lost=True, kind="write", **fault)
    assert await models.put(document(provider="Other"), at=3) is Change.CHANGED

    assert replaced.document["name"] == "New"
    assert [each.document for each in await models.load_all()] == [document(provider="Other")]
    there.fail(lost=True, kind="write", **fault)
    assert await models.delete("gpt-mini")
    assert await models.load_all() == []


async def test_a_write_that_never_succeeds_ends_in_time(
    there: Emulator, models: CosmosDocumentRepository
) -> None:
    """After a few tries, whose number is bounded."""
    there.seen()
    there.fail(status=449, kind="write", times=1000)

    told = await away(models.put(document(), at=1))

    assert "449" in told.detail
    assert len([each for each in there.seen() if each["url"].endswith("/docs/")]) < 8


@pytest.mark.parametrize("kind", ["query", "write", "feed"])
async def test_silence_ends_in_time(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository, kind: str
) -> None:
    """A server that takes the request and never answers."""
    there.fail(hang=True, kind=kind, times=100)
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await away(feed.everything() if kind == "feed" else models.put(document(), at=1))


async def test_a_write_over_a_reset_connection(
    there: Emulator, models: CosmosDocumentRepository
) -> None:
    """It is sent again as well."""
    there.fail(reset=True, kind="write")
    assert await models.put(document(), at=1) is Change.ADDED


@pytest.mark.parametrize("kind", ["query", "feed"])
async def test_a_reset_connection_is_made_anew(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository, kind: str
) -> None:
    """Once is not noticed by anybody who reads."""
    await models.put(document(), at=1)
    there.fail(reset=True, kind=kind)

    feed = documents_feed(models_shelf(account), reload_every_s=60)
    assert ids(await feed.everything()) == ["gpt-mini"]
    assert len(await models.load_all()) == 1


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {}, "COSMOS_KEY is wrong"),
        (403, {"x-ms-substatus": "5302"}, "Cosmos DB Built-in Data Contributor"),
        (404, {"x-ms-substatus": "1003"}, "llmproxy registry init"),
    ],
)
async def test_refusals_say_what_to_do(
    there: Emulator,
    models: CosmosDocumentRepository,
    status: int,
    headers: dict[str, str],
    words: str,
) -> None:
    """For the log; callers hear that the store is away."""
    there.fail(status=status, headers=headers, kind="query")

    told = await away(models.load_all())

    assert words in told.detail
    assert f"answered {status}/" in told.detail
    assert words not in told.message


async def test_a_wrong_key_is_told_at_the_first_question(there: Emulator) -> None:
    """And the key is not."""
    account = await CosmosAccount.open(place("any", key=WRONG_KEY))

    told = await away(account.check())

    assert "COSMOS_KEY is wrong" in told.detail
    assert WRONG_KEY not in told.detail
    assert there.key not in repr(account)
    await account.close()


async def test_cut_off_and_back(
    there: Emulator, account: CosmosAccount, models: CosmosDocumentRepository
) -> None:
    """Nothing is missed: what changed while one gateway was cut off is told when it is back."""
    await models.put(document(), at=1)
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await feed.everything()
    await models.put(document(id="new"), at=2)

    there.away(on=True)
    await away(feed.news())
    await away(models.load_all())
    there.away(on=False)

    assert ids(await feed.news()) == ["new"]
    assert await feed.news() is None


async def test_started_while_cut_off(there: Emulator, tmp_path: Path) -> None:
    """The account can be opened, and works when the service is there."""
    first = await made(tmp_path)
    await CosmosDocumentRepository(models_shelf(first)).put(document(), at=1)
    there.away(on=True)
    account = await CosmosAccount.open(first.place)
    feed = documents_feed(models_shelf(account), reload_every_s=60)
    await away(feed.everything())
    await away(account.check())
    there.away(on=False)

    await account.check()
    assert ids(await feed.everything()) == ["gpt-mini"]
    await account.close()
    await first.close()


async def test_a_stale_etag_stays_a_conflict(models: CosmosDocumentRepository) -> None:
    """Also when what is there is the same as what was to be written."""
    first = await models.create(document(), at=1)
    await models.replace(document(name="New"), at=2, etag=first.etag)

    with pytest.raises(DocumentChangedError):
        await models.replace(document(name="New"), at=3, etag=first.etag)
