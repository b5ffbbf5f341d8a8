"""Projects, as administrators see and change them."""

from collections import Counter
from collections.abc import Callable, Mapping

from llmproxy.application.interfaces.administration import (
    Document,
    ProjectAdministration,
    ProjectFigures,
)
from llmproxy.application.interfaces.audit import Actor, Audit
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import DocumentRepository, StoredDocument
from llmproxy.application.interfaces.key_repository import KeyRepository
from llmproxy.application.steps.change_documents import (
    TRIES,
    ChangeDocuments,
    patched,
    refusal,
    refuse_masks,
)
from llmproxy.domain.errors import AlreadyExists, EtagMismatch, UnknownItem
from llmproxy.domain.project import ProjectError, parse_project


class AdministerProjects(ProjectAdministration):
    """A project is there as soon as a key or a private model names it, or a document is kept."""

    def __init__(
        self,
        projects: DocumentRepository,
        keys: KeyRepository,
        models: DocumentRepository,
        clock: Clock,
        audit: Audit,
        actor: Actor,
    ) -> None:
        self._projects = projects
        self._keys = keys
        self._models = models
        self._clock = clock
        self._documents = ChangeDocuments("project", projects, clock, audit, actor)

    async def every(self) -> list[ProjectFigures]:
        """Return all projects, by id."""
        stored = {each.id: each for each in await self._projects.load_all()}
        return await self._figures(stored)

    async def get(self, project_id: str) -> ProjectFigures:
        """Return one project. Raises UnknownItem."""
        stored = await self._projects.get(project_id)
        every = await self._figures({} if stored is None else {stored.id: stored})
        found = [figures for figures in every if figures.id == project_id]
        if not found:
            raise UnknownItem(
                f"There is no project with the id `{project_id[:300]}`.",
                hint="No document, key or private model names it.",
            )
        return found[0]

    async def put(self, document: Document, *, etag: str | None) -> ProjectFigures:
        """Keep a document, new or in place of the present one."""
        _checked(document)
        project_id = str(document["id"])
        await self._keep(project_id, "replaced", lambda _: document, etag)
        return await self.get(project_id)

    async def patch(self, project_id: str, patch: Document, *, etag: str | None) -> ProjectFigures:
        """Change fields of a document, which is made if need be."""
        await self._keep(project_id, "patched", lambda present: patched(present, patch), etag)
        return await self.get(project_id)

    async def remove(self, project_id: str, *, etag: str | None) -> None:
        """Forget a document. Raises AlreadyExists while a live key belongs to the project."""
        now = self._clock.now()
        keys = await self._keys.load_all()
        live = [key.id for key in keys if key.project == project_id and key.is_live(now)]
        if live:
            raise AlreadyExists(
                f"The project `{project_id[:300]}` has {len(live)} live keys.",
                code="project_in_use",
                hint="Revoke them first, or suspend the project.",
            )
        await self._documents.remove(project_id, etag=etag)

    async def _keep(
        self,
        project_id: str,
        what: str,
        changed: Callable[[Document], Document],
        etag: str | None,
    ) -> None:
        """Change the document; one that is not there yet is made of its id alone."""
        for _ in range(TRIES):
            try:
                await self._documents.change(project_id, what, changed, _checked, etag=etag)
            except UnknownItem:
                if etag is not None:
                    raise EtagMismatch(
                        f"The project `{project_id[:300]}` has no document (any more)."
                    ) from None
            else:
                return
            try:
                await self._documents.create(changed({"id": project_id}), _checked)
            except AlreadyExists:
                continue
            return
        raise EtagMismatch(f"The project `{project_id[:300]}` is being changed by others.")

    async def _figures(self, stored: Mapping[str, StoredDocument]) -> list[ProjectFigures]:
        now = self._clock.now()
        keys = await self._keys.load_all()
        live = Counter(key.project for key in keys if key.is_live(now))
        private: Counter[str] = Counter()
        for model in await self._models.load_all():
            private.update(_private_for(model.document))
        named = {key.project for key in keys if key.project is not None}
        return [
            ProjectFigures(each, stored.get(each), live[each], private[each])
            for each in sorted(named | stored.keys() | private.keys())
        ]


def _private_for(document: Document) -> set[str]:
    projects = document.get("projects")
    if document.get("private") is not True or not isinstance(projects, list | tuple):
        return set()
    return {each for each in projects if isinstance(each, str)}


def _checked(document: Document) -> tuple[str, ...]:
    try:
        parse_project(document)
    except ProjectError as error:
        raise refusal(error.problems) from error
    masks = refuse_masks(document)
    if masks:
        raise refusal(masks)
    return ()
