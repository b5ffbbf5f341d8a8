"""What every DocumentRepository does that is written, run against each adapter."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    DocumentExistsError,
    DocumentMissingError,
    DocumentRepository,
    StoredDocument,
)
from tests.contract.cosmos_places import is_dated
from tests.contract.document_places import EXACT, WRITABLE, Make
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(name="models", params=WRITABLE)
async def _models(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DocumentRepository]:
    make: Make = request.param
    repository = await make(tmp_path)
    yield repository
    await repository.close()


@pytest_asyncio.fixture(name="exact", params=EXACT)
async def _exact(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DocumentRepository]:
    make: Make = request.param
    repository = await make(tmp_path)
    yield repository
    await repository.close()


async def test_a_new_store_is_empty(models: DocumentRepository) -> None:
    """Nothing is there, and asking for it is no error."""
    assert await models.load_all() == []
    assert await models.get("x") is None
    assert not await models.delete("x")


async def test_what_is_put_comes_back(models: DocumentRepository) -> None:
    """Every JSON value, in the order of its fields, and the time."""
    given = document(
        names=["é", "日本", '"', ""], deep={"a": [1, 1.5, -0.25, None, True, {}]}, big=10**22
    )

    assert await models.put(given, at=1000.5) is Change.ADDED
    stored = await models.get("gpt-mini")

    assert stored is not None
    assert stored.id == "gpt-mini"
    assert stored.document == given
    assert list(stored.document) == list(given)
    assert is_dated(models, stored.updated_at, 1000.5)
    assert await models.load_all() == [stored]


async def test_changes_are_told_apart(models: DocumentRepository) -> None:
    """The same content in another order is unchanged and keeps its time."""
    given = document()
    await models.put(given, at=1)
    before = await models.get("gpt-mini")

    again = await models.put(dict(reversed(given.items())), at=2)
    unchanged = await models.get("gpt-mini")
    changed = await models.put({**given, "name": "New"}, at=3)
    after = await models.get("gpt-mini")

    assert (again, changed) == (Change.UNCHANGED, Change.CHANGED)
    assert unchanged == before
    assert before is not None
    assert after is not None
    assert after.document["name"] == "New"
    assert is_dated(models, after.updated_at, 3)
    assert after.etag != before.etag


async def test_the_order_of_registration_stays(models: DocumentRepository) -> None:
    """A change does not move a model; one that comes back stands at the end."""
    for name in ("b", "c", "a"):
        await models.put(document(id=name), at=1)
    await models.put(document(id="b", name="New"), at=2)
    assert [stored.id for stored in await models.load_all()] == ["b", "c", "a"]

    assert await models.delete("c")
    await models.put(document(id="c"), at=3)
    assert [stored.id for stored in await models.load_all()] == ["b", "a", "c"]


async def test_many_are_put_all_or_none(models: DocumentRepository) -> None:
    """A document that cannot be written takes the others with it."""
    await models.put(document(id="old"), at=1)

    with pytest.raises(ValueError, match="JSON"):
        await models.put_all([document(id="new"), document(x=float("nan"))], at=2)
    assert [stored.id for stored in await models.load_all()] == ["old"]

    changes = await models.put_all([document(id="new"), document(id="old")], at=2)
    assert changes == [Change.ADDED, Change.UNCHANGED]


async def test_delete_forgets_one(models: DocumentRepository) -> None:
    """And only that one."""
    await models.put_all([document(id="a"), document(id="b")], at=1)

    assert await models.delete("a")
    assert not await models.delete("a")
    assert [stored.id for stored in await models.load_all()] == ["b"]


async def test_ids_are_told_apart_exactly(models: DocumentRepository) -> None:
    """Capitals, blanks and quotes are no wildcards."""
    names = ["a", "A", " a", "a'--", "%", "é", "e\u0301"]
    await models.put_all([document(id=name) for name in names], at=1)

    assert [stored.id for stored in await models.load_all()] == names
    assert await models.delete("%")
    assert len(await models.load_all()) == len(names) - 1


async def test_create_keeps_a_new_one(models: DocumentRepository) -> None:
    """What is returned is what `get` gives; a second one with the id is refused."""
    created = await models.create(document(), at=1)

    assert created.document == document()
    assert is_dated(models, created.updated_at, 1)
    assert await models.get("gpt-mini") == created
    with pytest.raises(DocumentExistsError, match="gpt-mini"):
        await models.create(document(name="New"), at=2)
    assert await models.get("gpt-mini") == created


async def test_replace_takes_the_etag_that_is_there(models: DocumentRepository) -> None:
    """And no other: who has read before somebody else's change does not undo it."""
    created = await models.create(document(), at=1)
    replaced = await models.replace(document(name="New"), at=2, etag=created.etag)

    assert replaced.document["name"] == "New"
    assert is_dated(models, replaced.updated_at, 2)
    assert replaced.etag != created.etag
    assert await models.get("gpt-mini") == replaced
    with pytest.raises(DocumentChangedError, match="gpt-mini"):
        await models.replace(document(name="Late"), at=3, etag=created.etag)
    assert await models.get("gpt-mini") == replaced


async def test_replace_does_not_create(models: DocumentRepository) -> None:
    """There must be one, whatever the etag."""
    with pytest.raises(DocumentMissingError, match="gpt-mini"):
        await models.replace(document(), at=1, etag="x")
    assert await models.load_all() == []


async def test_replacing_with_the_same_gives_the_etag_that_is_there(
    models: DocumentRepository,
) -> None:
    """What is returned can be used for the next change."""
    created = await models.create(document(), at=1)
    same = await models.replace(document(), at=2, etag=created.etag)

    assert await models.get("gpt-mini") == same
    await models.replace(document(name="New"), at=3, etag=same.etag)


async def test_one_of_many_who_replace_at_once_wins(models: DocumentRepository) -> None:
    """The others are told, so that no change is lost."""
    created = await models.create(document(), at=1)
    outcomes = await asyncio.gather(
        *(models.replace(document(name=f"n{n}"), at=2, etag=created.etag) for n in range(8)),
        return_exceptions=True,
    )

    won = [each for each in outcomes if isinstance(each, StoredDocument)]
    assert [await models.get("gpt-mini")] == won
    assert sum(isinstance(each, DocumentChangedError) for each in outcomes) == 7


async def test_delete_takes_the_etag_that_is_there(models: DocumentRepository) -> None:
    """With an old one nothing is deleted; none at all deletes whatever is there."""
    created = await models.create(document(), at=1)
    await models.put(document(name="New"), at=2)

    with pytest.raises(DocumentChangedError, match="gpt-mini"):
        await models.delete("gpt-mini", etag=created.etag)
    present = await models.get("gpt-mini")
    assert present is not None
    assert await models.delete("gpt-mini", etag=present.etag)
    assert not await models.delete("gpt-mini", etag=present.etag)


async def test_a_document_that_cannot_be_written_changes_nothing(
    models: DocumentRepository,
) -> None:
    """Neither as a new one nor in place of another."""
    created = await models.create(document(), at=1)

    with pytest.raises(ValueError, match="JSON"):
        await models.create(document(id="new", x=float("inf")), at=2)
    with pytest.raises(ValueError, match="JSON"):
        await models.replace(document(x=float("nan")), at=2, etag=created.etag)
    assert await models.load_all() == [created]


async def test_what_was_put_cannot_be_changed_from_outside(models: DocumentRepository) -> None:
    """Neither through the object that was put nor through one that was read."""
    given = document()
    await models.put(given, at=1)
    given["parameters"]["model"] = "other"
    read = await models.get("gpt-mini")
    assert isinstance(read, StoredDocument)
    assert isinstance(read.document, dict)
    read.document["name"] = "other"

    again = await models.get("gpt-mini")

    assert again is not None
    assert again.document == document()


async def test_many_at_the_same_time(models: DocumentRepository) -> None:
    """Concurrent writers of one process neither fail nor lose anything."""
    await asyncio.gather(*(models.put(document(id=f"m{n}"), at=n) for n in range(50)))

    assert len(await models.load_all()) == 50


async def test_closing_twice_is_fine(models: DocumentRepository) -> None:
    """The fixture closes once more."""
    await models.close()


async def test_the_time_is_that_of_the_last_change(exact: DocumentRepository) -> None:
    """A document that is put or replaced by the same keeps its time."""
    created = await exact.create(document(), at=1.5)
    assert created.updated_at == 1.5
    await exact.put(document(), at=2)
    same = await exact.replace(document(), at=3, etag=created.etag)
    assert (same, await exact.get("gpt-mini")) == (created, created)

    await exact.put(document(name="New"), at=4)
    put = await exact.get("gpt-mini")
    assert put is not None
    replaced = await exact.replace(document(name="Newer"), at=5.25, etag=put.etag)
    assert (put.updated_at, replaced.updated_at) == (4, 5.25)


async def test_integers_and_ids_are_kept_to_the_letter(exact: DocumentRepository) -> None:
    """Integers beyond 2**53 do not become floats, a blank at the end of an id stays."""
    given = [document(id="a", big=10**30), document(id="a "), document(id="a\n")]
    await exact.put_all(given, at=1)

    assert [each.document for each in await exact.load_all()] == given
    assert await exact.delete("a ")
    assert [each.id for each in await exact.load_all()] == ["a", "a\n"]
