"""What every ModelRepository does, run against each adapter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.model_repository import Change, ModelRepository, StoredModel
from llmproxy.infra.database.memory import MemoryModelRepository
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.model_repository import SqliteModelRepository
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


async def memory(_folder: Path) -> ModelRepository:
    """Make the memory adapter."""
    return MemoryModelRepository()


async def sqlite(folder: Path) -> ModelRepository:
    """Make the SQLite adapter."""
    return SqliteModelRepository(await SqliteFile.open(folder / "store.sqlite3"))


@pytest_asyncio.fixture(name="models", params=[memory, sqlite])
async def _models(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ModelRepository]:
    make: Callable[[Path], Awaitable[ModelRepository]] = request.param
    repository = await make(tmp_path)
    yield repository
    await repository.close()


async def test_a_new_store_is_empty(models: ModelRepository) -> None:
    """Nothing is there, and asking for it is no error."""
    assert await models.load_all() == []
    assert await models.get("x") is None
    assert not await models.delete("x")


async def test_what_is_put_comes_back(models: ModelRepository) -> None:
    """Every JSON value, in the order of its fields, and the time."""
    given = document(
        names=["é", "日本", '"', ""], deep={"a": [1, 1.5, -0.25, None, True, {}]}, big=10**30
    )

    assert await models.put(given, at=1000.5) is Change.ADDED
    stored = await models.get("gpt-mini")

    assert stored is not None
    assert stored.id == "gpt-mini"
    assert stored.document == given
    assert list(stored.document) == list(given)
    assert stored.updated_at == 1000.5
    assert await models.load_all() == [stored]


async def test_changes_are_told_apart(models: ModelRepository) -> None:
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
    assert (after.document["name"], after.updated_at) == ("New", 3)
    assert after.etag != before.etag


async def test_the_order_of_registration_stays(models: ModelRepository) -> None:
    """A change does not move a model; one that comes back stands at the end."""
    for name in ("b", "c", "a"):
        await models.put(document(id=name), at=1)
    await models.put(document(id="b", name="New"), at=2)
    assert [stored.id for stored in await models.load_all()] == ["b", "c", "a"]

    assert await models.delete("c")
    await models.put(document(id="c"), at=3)
    assert [stored.id for stored in await models.load_all()] == ["b", "a", "c"]


async def test_many_are_put_all_or_none(models: ModelRepository) -> None:
    """A document that cannot be written takes the others with it."""
    await models.put(document(id="old"), at=1)

    with pytest.raises(ValueError, match="JSON"):
        await models.put_all([document(id="new"), document(x=float("nan"))], at=2)
    assert [stored.id for stored in await models.load_all()] == ["old"]

    changes = await models.put_all([document(id="new"), document(id="old")], at=2)
    assert changes == [Change.ADDED, Change.UNCHANGED]


async def test_delete_forgets_one(models: ModelRepository) -> None:
    """And only that one."""
    await models.put_all([document(id="a"), document(id="b")], at=1)

    assert await models.delete("a")
    assert not await models.delete("a")
    assert [stored.id for stored in await models.load_all()] == ["b"]


async def test_ids_are_told_apart_exactly(models: ModelRepository) -> None:
    """Capitals, blanks and quotes are no wildcards."""
    names = ["a", "A", "a ", "a'--", "%", "é", "e\u0301"]
    await models.put_all([document(id=name) for name in names], at=1)

    assert [stored.id for stored in await models.load_all()] == names
    assert await models.delete("%")
    assert len(await models.load_all()) == len(names) - 1


async def test_the_version_grows_with_every_change(models: ModelRepository) -> None:
    """And stands still while nothing changes."""
    seen = [await models.version()]
    for work in (
        lambda: models.put(document(), at=1),
        lambda: models.put(document(name="New"), at=2),
        lambda: models.delete("gpt-mini"),
    ):
        await work()
        seen.append(await models.version())

    assert seen == sorted(set(seen))
    await models.load_all()
    await models.delete("gpt-mini")
    await models.put_all([], at=3)
    assert await models.version() == seen[-1]


async def test_what_was_put_cannot_be_changed_from_outside(models: ModelRepository) -> None:
    """Neither through the object that was put nor through one that was read."""
    given = document()
    await models.put(given, at=1)
    given["parameters"]["model"] = "other"
    read = await models.get("gpt-mini")
    assert isinstance(read, StoredModel)
    assert isinstance(read.document, dict)
    read.document["name"] = "other"

    again = await models.get("gpt-mini")

    assert again is not None
    assert again.document == document()


async def test_many_at_the_same_time(models: ModelRepository) -> None:
    """Concurrent writers of one process neither fail nor lose anything."""
    await asyncio.gather(*(models.put(document(id=f"m{n}"), at=n) for n in range(50)))

    assert len(await models.load_all()) == 50


async def test_closing_twice_is_fine(models: ModelRepository) -> None:
    """The fixture closes once more."""
    await models.close()
