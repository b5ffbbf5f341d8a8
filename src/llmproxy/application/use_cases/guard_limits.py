"""No limit is made where it could not be counted: each of several workers would allow all of it.

Limits that are there already can be taken away, and everything else can be changed.
"""

from collections.abc import Sequence

from llmproxy.application.interfaces.administration import (
    Administration,
    Document,
    IssuedKey,
    Kept,
    KeyAdministration,
    ModelAdministration,
    ProjectAdministration,
    ProjectFigures,
    Put,
)
from llmproxy.application.interfaces.counting import Counting
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.steps.change_limits import makes_limits, refuse_limits, sets_limits
from llmproxy.domain.errors import UnknownItem


def guarded(administration: Administration, counting: Counting) -> Administration:
    """Return administration that raises LimitsNeedRedis for limits that could not hold now."""
    return Administration(
        _Models(administration.models, counting),
        _Keys(administration.keys, counting),
        _Projects(administration.projects, counting),
    )


class _Models(ModelAdministration):
    def __init__(self, inner: ModelAdministration, counting: Counting) -> None:
        self._inner = inner
        self._counting = counting

    async def every(self) -> list[StoredDocument]:
        return await self._inner.every()

    async def get(self, model_id: str) -> StoredDocument:
        return await self._inner.get(model_id)

    async def create(self, document: Document) -> Kept:
        if makes_limits(document, None):
            refuse_limits(self._counting)
        return await self._inner.create(document)

    async def replace(self, document: Document, *, etag: str | None) -> Kept:
        if makes_limits(document, None) and self._counting.fault() is not None:
            present = await self._inner.get(str(document.get("id")))
            if makes_limits(document, present.document):
                refuse_limits(self._counting)
        return await self._inner.replace(document, etag=etag)

    async def patch(self, model_id: str, patch: Document, *, etag: str | None) -> Kept:
        if sets_limits(patch):
            refuse_limits(self._counting)
        return await self._inner.patch(model_id, patch, etag=etag)

    async def put_all(self, documents: Sequence[Document], *, dry_run: bool) -> list[Put]:
        limited = [each for each in documents if makes_limits(each, None)]
        if limited and self._counting.fault() is not None:
            present = {each.id: each.document for each in await self._inner.every()}
            if any(makes_limits(each, present.get(str(each.get("id")))) for each in limited):
                refuse_limits(self._counting)
        return await self._inner.put_all(documents, dry_run=dry_run)

    async def remove(self, model_id: str, *, etag: str | None) -> None:
        await self._inner.remove(model_id, etag=etag)


class _Keys(KeyAdministration):
    def __init__(self, inner: KeyAdministration, counting: Counting) -> None:
        self._inner = inner
        self._counting = counting

    async def every(self) -> list[StoredKey]:
        return await self._inner.every()

    async def get(self, key_id: str) -> StoredKey:
        return await self._inner.get(key_id)

    async def issue(
        self,
        *,
        project: str | None,
        models: frozenset[str] | None,
        admin: bool,
        expires_at: float | None,
        limits: Document | None = None,
    ) -> IssuedKey:
        if limits:
            refuse_limits(self._counting)
        return await self._inner.issue(
            project=project, models=models, admin=admin, expires_at=expires_at, limits=limits
        )

    async def patch(self, key_id: str, patch: Document, *, etag: str | None) -> StoredKey:
        if sets_limits(patch):
            refuse_limits(self._counting)
        return await self._inner.patch(key_id, patch, etag=etag)

    async def rotate(self, key_id: str, *, grace_s: float) -> IssuedKey:
        return await self._inner.rotate(key_id, grace_s=grace_s)

    async def revoke(self, key_id: str) -> StoredKey:
        return await self._inner.revoke(key_id)


class _Projects(ProjectAdministration):
    def __init__(self, inner: ProjectAdministration, counting: Counting) -> None:
        self._inner = inner
        self._counting = counting

    async def every(self) -> list[ProjectFigures]:
        return await self._inner.every()

    async def get(self, project_id: str) -> ProjectFigures:
        return await self._inner.get(project_id)

    async def put(self, document: Document, *, etag: str | None) -> ProjectFigures:
        if makes_limits(document, None) and self._counting.fault() is not None:
            present = await self._document(str(document.get("id")))
            if makes_limits(document, present):
                refuse_limits(self._counting)
        return await self._inner.put(document, etag=etag)

    async def _document(self, project_id: str) -> Document | None:
        try:
            stored = (await self._inner.get(project_id)).stored
        except UnknownItem:
            return None
        return None if stored is None else stored.document

    async def patch(self, project_id: str, patch: Document, *, etag: str | None) -> ProjectFigures:
        if sets_limits(patch):
            refuse_limits(self._counting)
        return await self._inner.patch(project_id, patch, etag=etag)

    async def remove(self, project_id: str, *, etag: str | None) -> None:
        await self._inner.remove(project_id, etag=etag)
