"""Projects: what names them, what is kept of them, and when they may go."""

from collections.abc import Mapping

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.administration import ProjectAdministration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.document_repository import (
    DocumentExistsError,
    StoredDocument,
)
from llmproxy.application.use_cases.administer_projects import AdministerProjects
from llmproxy.domain.errors import AlreadyExists, EtagMismatch, InvalidRequest, UnknownItem
from llmproxy.infra.database.memory import MemoryDocumentRepository
from tests.fakes.administration import FakeOffice
from tests.fakes.documents import document

ALICE = Actor("cli:alice")
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture(name="projects")
def _projects(office: FakeOffice) -> ProjectAdministration:
    return office.administration(ALICE).projects


async def _key(office: FakeOffice, project: str, *, revoked: bool = False) -> str:
    keys = office.administration(ALICE).keys
    issued = await keys.issue(project=project, models=None, admin=False, expires_at=None)
    if revoked:
        await keys.revoke(issued.stored.id)
    return issued.stored.id


async def test_keys_private_models_and_documents_name_projects(
    office: FakeOffice, projects: ProjectAdministration
) -> None:
    """With the figures of each, by id."""
    await _key(office, "beta")
    await _key(office, "beta", revoked=True)
    await _key(office, "gone", revoked=True)
    await office.models.put(document(private=True, projects=["beta", "alpha"]), at=0)
    await office.models.put(document(id="public", projects=["delta"]), at=0)
    await office.models.put({"id": "broken", "private": True, "projects": "text"}, at=0)
    await projects.put({"id": "zeta", "name": "Zeta"}, etag=None)
    found = [(each.id, each.live_keys, each.private_models) for each in await projects.every()]
    assert found == [("alpha", 0, 1), ("beta", 1, 1), ("gone", 0, 0), ("zeta", 0, 0)]
    assert (await projects.get("beta")).stored is None
    stored = (await projects.get("zeta")).stored
    assert stored is not None
    assert stored.document == {"id": "zeta", "name": "Zeta"}
    with pytest.raises(UnknownItem, match="delta"):
        await projects.get("delta")


async def test_a_document_is_made_replaced_patched_and_removed(
    office: FakeOffice, projects: ProjectAdministration
) -> None:
    """With a line of the audit each."""
    made = await projects.put({"id": "alpha", "name": "A"}, etag=None)
    assert made.stored is not None
    await projects.put({"id": "alpha", "name": "B"}, etag=made.stored.etag)
    kept = await projects.patch("alpha", {"suspended": True, "name": None}, etag=None)
    assert kept.stored is not None
    assert kept.stored.document == {"id": "alpha", "suspended": True}
    await projects.remove("alpha", etag=kept.stored.etag)
    assert office.audit.words == [
        (f"project.{what}", "alpha") for what in ("created", "replaced", "patched", "removed")
    ]


async def test_a_patch_makes_a_document(projects: ProjectAdministration) -> None:
    """A project that only keys name is suspended in one step."""
    made = await projects.patch("alpha", {"suspended": True, "name": None}, etag=None)
    assert made.stored is not None
    assert made.stored.document == {"id": "alpha", "suspended": True}


async def test_an_etag_asks_for_that_document(projects: ProjectAdministration) -> None:
    """One that is not there, or another, is a mismatch."""
    with pytest.raises(EtagMismatch):
        await projects.put({"id": "alpha"}, etag="x")
    await projects.put({"id": "alpha"}, etag=None)
    for asked in (
        projects.put({"id": "alpha", "name": "B"}, etag="x"),
        projects.patch("alpha", {"name": "B"}, etag="x"),
        projects.remove("alpha", etag="x"),
    ):
        with pytest.raises(EtagMismatch):
            await asked


@pytest.mark.parametrize(
    ("written", "param"),
    [
        ({"id": "a/b"}, "id"),
        ({"id": "alpha", "name": 7}, "name"),
        ({"id": "alpha", "suspended": "yes"}, "suspended"),
        ({"id": "alpha", "name": "*****"}, "name"),
        ({"name": "A"}, "id"),
    ],
)
async def test_a_bad_document_is_refused(
    projects: ProjectAdministration, written: Mapping[str, object], param: str
) -> None:
    """Naming the field."""
    with pytest.raises(InvalidRequest) as caught:
        await projects.put(written, etag=None)
    assert caught.value.param == param


async def test_a_project_with_a_live_key_stays(
    office: FakeOffice, projects: ProjectAdministration
) -> None:
    """Until the key is revoked."""
    await projects.put({"id": "alpha"}, etag=None)
    key_id = await _key(office, "alpha")
    with pytest.raises(AlreadyExists) as caught:
        await projects.remove("alpha", etag=None)
    assert caught.value.code == "project_in_use"
    await office.administration(ALICE).keys.revoke(key_id)
    await projects.remove("alpha", etag=None)
    with pytest.raises(UnknownItem):
        await projects.remove("alpha", etag=None)


class _Contended(MemoryDocumentRepository):
    """Somebody else is always faster in making a document, and in removing it."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    @override
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        if self.races:
            self.races -= 1
            raise DocumentExistsError("a moment ago")
        return await super().create(document, at=at)


async def test_a_race_for_a_new_project_is_run_again(office: FakeOffice) -> None:
    """A few times, and no more."""
    for races, wins in ((2, True), (50, False)):
        projects = AdministerProjects(
            _Contended(races), office.keys, office.models, office.clock, office.audit, ALICE
        )
        if wins:
            assert (await projects.put({"id": "alpha"}, etag=None)).stored is not None
        else:
            with pytest.raises(EtagMismatch):
                await projects.put({"id": "alpha"}, etag=None)
