"""Models changed while others change them, and while the store fails."""

from collections.abc import Callable, Mapping

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.document_repository import (
    Change,
    ReadOnlyError,
    StoredDocument,
)
from llmproxy.application.use_cases.administer_models import AdministerModels
from llmproxy.domain.errors import EtagMismatch, InvalidRequest, ReadOnly, Unavailable, UnknownItem
from llmproxy.infra.database.memory import MemoryDocumentRepository
from tests.fakes.administration import FakeOffice
from tests.fakes.documents import document

ALICE = Actor("cli:alice")
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


class _Racing(MemoryDocumentRepository):
    """Somebody else changes the document right before this one does, `races` times."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    async def _race(self, document_id: str) -> None:
        if self.races:
            self.races -= 1
            stored = await self.get(document_id)
            assert stored is not None
            await self.put({**stored.document, "other": self.races}, at=0.0)

    @override
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        await self._race(str(document["id"]))
        return await super().replace(document, at=at, etag=etag)

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        await self._race(document_id)
        return await super().delete(document_id, etag=etag)


async def _racing(office: FakeOffice, races: int) -> tuple[_Racing, AdministerModels]:
    repository = _Racing(races)
    await repository.put(document(), at=0.0)
    return repository, AdministerModels(repository, office.clock, office.audit, ALICE, {})


async def test_a_lost_race_is_run_again_without_an_etag(office: FakeOffice) -> None:
    """A patch is applied to what the other one left."""
    _, models = await _racing(office, 2)
    kept = await models.patch("gpt-mini", {"name": "mine"}, etag=None)
    assert (kept.stored.document["name"], kept.stored.document["other"]) == ("mine", 0)
    assert office.audit.words == [("model.patched", "gpt-mini")]


@pytest.mark.parametrize(
    "change",
    [
        lambda models: models.patch("gpt-mini", {"name": "mine"}, etag=None),
        lambda models: models.remove("gpt-mini", etag=None),
    ],
)
async def test_a_race_that_is_lost_again_and_again_ends(
    office: FakeOffice, change: Callable[[AdministerModels], object]
) -> None:
    """With an error, and after so many tries."""
    repository, models = await _racing(office, 50)
    with pytest.raises(EtagMismatch):
        await change(models)  # type: ignore[misc]
    assert repository.races >= 44
    assert office.audit.changes == []


async def test_a_removal_that_lost_a_race_is_done_again(office: FakeOffice) -> None:
    """What is removed is what stood there last."""
    repository, models = await _racing(office, 1)
    await models.remove("gpt-mini", etag=None)
    assert await repository.load_all() == []
    assert office.audit.changes[0].before == {**document(), "other": 0}


async def test_a_race_with_an_etag_is_lost(office: FakeOffice) -> None:
    """The other's change stays."""
    repository, models = await _racing(office, 1)
    stored = await repository.get("gpt-mini")
    assert stored is not None
    with pytest.raises(EtagMismatch):
        await models.patch("gpt-mini", {"name": "mine"}, etag=stored.etag)


class _Vanishing(MemoryDocumentRepository):
    """Somebody else removes the document right before it is changed."""

    @override
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        await super().delete(str(document["id"]))
        return await super().replace(document, at=at, etag=etag)

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        await super().delete(document_id)
        return await super().delete(document_id, etag=etag)


async def test_a_document_that_vanishes_is_unknown(office: FakeOffice) -> None:
    """It is not made anew, and removing it a second time is no change."""
    repository = _Vanishing()
    models = AdministerModels(repository, office.clock, office.audit, ALICE, {})
    await repository.put(document(), at=0.0)
    with pytest.raises(UnknownItem):
        await models.patch("gpt-mini", {"name": "mine"}, etag=None)
    await repository.put(document(), at=0.0)
    with pytest.raises(UnknownItem):
        await models.remove("gpt-mini", etag=None)
    assert office.audit.changes == []


class _Failing(MemoryDocumentRepository):
    """Every change fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    @override
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        raise self.error

    @override
    async def put_all(self, documents: object, *, at: float) -> list[Change]:
        raise self.error


async def test_a_store_that_goes_away_leaves_a_line(office: FakeOffice) -> None:
    """Nobody can tell whether the change was made, and that is what the audit says."""
    repository = _Failing(Unavailable("away"))
    models = AdministerModels(repository, office.clock, office.audit, ALICE, {})
    with pytest.raises(Unavailable):
        await models.create(document())
    with pytest.raises(Unavailable):
        await models.put_all([document(), document(id="b")], dry_run=False)
    assert office.audit.words == [
        ("model.unconfirmed", "gpt-mini"),
        ("model.unconfirmed", "gpt-mini"),
        ("model.unconfirmed", "b"),
    ]


async def test_documents_from_files_are_changed_there(office: FakeOffice) -> None:
    """The store's own words say where."""
    repository = _Failing(ReadOnlyError("Models come from /models."))
    models = AdministerModels(repository, office.clock, office.audit, ALICE, {})
    with pytest.raises(ReadOnly, match="/models"):
        await models.create(document())
    with pytest.raises(ReadOnly):
        await models.put_all([document()], dry_run=False)
    assert office.audit.changes == []


async def test_what_is_no_json_is_refused(office: FakeOffice) -> None:
    """A store that cannot write a document says so, and the caller is told."""
    repository = _Failing(ValueError("Out of range float values are not JSON compliant"))
    models = AdministerModels(repository, office.clock, office.audit, ALICE, {})
    with pytest.raises(InvalidRequest):
        await models.create(document())
