"""What every Feed does, run against each adapter: everything first, then what is new."""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.application.interfaces.key_repository import KeyRepository, StoredKey
from llmproxy.domain.caller import key_digest
from tests.contract.feed_places import FOLLOWED, FOLLOWED_KEYS, Followed, Make, MakeKeys

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(name="store", params=FOLLOWED)
async def _store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Followed]:
    make: Make = request.param
    store = await make(tmp_path)
    yield store
    await store.close()


def ids(news: News[Any] | None) -> list[str]:
    """Return what is told as changed, sorted: only `everything` promises an order."""
    assert news is not None
    return sorted(item.id for item in news.changed)


async def test_an_empty_store_tells_nothing(store: Followed) -> None:
    """Everything is nothing, and then there is no news."""
    feed = store.feed()

    assert await feed.everything() == News((), (), {}) or ids(await feed.everything()) == []
    assert await feed.news() is None


async def test_everything_is_what_the_repository_holds(store: Followed) -> None:
    """In its order; then there is no news, however often one asks."""
    for name in ("a", "b", "c"):
        await store.put(name, text="é日本")
    feed = store.feed()

    everything = await feed.everything()

    assert list(everything.changed) == await store.repository.load_all()
    assert (list(everything.gone), dict(everything.faults)) == ([], {})
    assert await feed.news() is None
    assert await feed.news() is None
    assert ids(await feed.everything()) == ["a", "b", "c"]


async def test_news_are_told_once(store: Followed) -> None:
    """Added, changed and deleted ones, and none that stayed as they were."""
    for name in ("a", "b", "c"):
        await store.put(name)
    feed = store.feed()
    await feed.everything()

    await store.put("d")
    await store.put("b", name="New")
    await store.delete("c")
    news = await feed.news()

    assert ids(news) == ["b", "d"]
    assert news is not None
    assert list(news.gone) == ["c"]
    told = {each.id: each for each in news.changed}
    assert told["b"] == await store.repository.get("b")
    assert await feed.news() is None


async def test_one_that_comes_back_is_not_gone(store: Followed) -> None:
    """Deleted and put again between two looks: what is told is the new one."""
    await store.put("a")
    await store.put("b")
    feed = store.feed()
    await feed.everything()

    await store.delete("b")
    await store.put("b", name="Back")
    news = await feed.news()

    assert ids(news) == ["b"]
    assert news is not None
    assert "b" not in news.gone
    assert news.changed[0].document["name"] == "Back"

    await store.delete("b")
    gone = await feed.news()
    await store.put("b", name="Back")
    back = await feed.news()
    assert gone is not None
    assert (list(gone.changed), list(gone.gone)) == ([], ["b"])
    assert ids(back) == ["b"]


async def test_one_that_was_there_between_two_looks_is_not_told(store: Followed) -> None:
    """At most as gone, which is no error."""
    await store.put("a")
    feed = store.feed()
    await feed.everything()
    await store.put("b")
    await store.delete("b")

    news = await feed.news()
    assert news is None or (not news.changed and set(news.gone) <= {"b"})


async def test_the_same_again_is_no_news(store: Followed) -> None:
    """A document that is put as it is changes nothing."""
    await store.put("a")
    feed = store.feed()
    await feed.everything()
    await store.put("a")

    news = await feed.news()
    assert news is None or (ids(news) == ["a"] and not news.gone)


async def test_news_before_everything_is_everything(store: Followed) -> None:
    """A feed that has told nothing has all of it to tell."""
    await store.put("a")
    await store.put("b")

    assert ids(await store.feed().news()) == ["a", "b"]


async def test_everything_takes_the_news_with_it(store: Followed) -> None:
    """What it has told is not told again, and what is gone is not among it."""
    await store.put("a")
    await store.put("b")
    feed = store.feed()
    await feed.everything()
    await store.put("c")
    await store.delete("a")

    assert ids(await feed.everything()) == ["b", "c"]
    assert await feed.news() is None


async def test_every_follower_hears_everything(store: Followed) -> None:
    """One that looks often and one that looks seldom."""
    await store.put("z")
    often, seldom = store.feed(), store.feed()
    await often.everything()
    await seldom.everything()
    for name in ("a", "b"):
        await store.put(name)
        assert ids(await often.news()) == [name]

    assert ids(await seldom.news()) == ["a", "b"]


async def test_whoever_follows_knows_what_the_store_holds(store: Followed) -> None:
    """Changes in any order, with looks between them, some of them for everything."""
    chance = random.Random(5)  # noqa: S311 - only to be various
    feed = store.feed()
    known: dict[str, Mapping[str, object]] = {}
    await store.put("stays")
    for step in range(8):
        for _ in range(chance.randrange(6)):
            name = chance.choice("abcdef")
            if chance.random() < 0.4:
                await store.delete(name)
            else:
                await store.put(name, number=chance.randrange(3))
        everything = chance.random() < 0.2
        news = await (feed.everything() if everything else feed.news())
        if everything:
            known.clear()
        if news is not None:
            for gone in news.gone:
                known.pop(gone, None)
            known |= {each.id: each.document for each in news.changed}
        held = await store.repository.load_all()
        assert known == {each.id: each.document for each in held}, step


async def test_followers_look_often_enough(store: Followed) -> None:
    """A change is everywhere within 5 s only if nobody sleeps longer than 2."""
    assert 0 < store.feed().look_every_s <= 2


KEY = StoredKey(
    id="key_a",
    digest=key_digest(b"a"),
    prefix="sk-llmproxy-a",
    project="p",
    models=None,
    admin=False,
    created_at=1000.0,
)


@pytest_asyncio.fixture(name="keys", params=FOLLOWED_KEYS)
async def _keys(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[KeyRepository, Feed[StoredKey]]]:
    make: MakeKeys = request.param
    repository, feed = await make(tmp_path)
    yield repository, feed
    await repository.close()


async def test_keys_are_told(keys: tuple[KeyRepository, Feed[StoredKey]]) -> None:
    """All of them oldest first, live or not; then those that were added, changed or revoked."""
    repository, feed = keys
    old = replace(KEY, id="key_old", digest=key_digest(b"old"), created_at=1.0)
    assert ids(await feed.everything()) == []
    await repository.add(KEY)
    await repository.add(old)
    await repository.revoke("key_old", 5.0)
    assert list((await feed.everything()).changed) == await repository.load_all()
    assert await feed.news() is None

    new = replace(KEY, id="key_new", digest=key_digest(b"new"))
    await repository.add(new)
    await repository.update(replace(KEY, expires_at=9.0), expected=KEY)
    await repository.revoke("key_old", 6.0)
    await repository.revoke("key_unknown", 6.0)
    news = await feed.news()

    assert news is not None
    assert sorted(news.changed, key=lambda key: key.id) == [replace(KEY, expires_at=9.0), new]
    assert (list(news.gone), dict(news.faults)) == ([], {})
    await repository.revoke("key_new", 7.0)
    assert ids(await feed.news()) == ["key_new"]
    assert await feed.news() is None
