"""The ports of administration over the routes under `/admin`."""

from collections.abc import Sequence

from typing_extensions import override

from llmproxy.application.interfaces.administration import (
    Document,
    IssuedKey,
    Kept,
    KeyAdministration,
    ModelAdministration,
    ProjectAdministration,
    ProjectFigures,
    Put,
)
from llmproxy.application.interfaces.document_repository import Change, StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.interfaces.model_directory import ModelDirectory, ModelView
from llmproxy.domain.errors import EtagMismatch, UnknownItem
from llmproxy.domain.secret import Secret
from llmproxy.domain.selection import Selection
from llmproxy.infra.remote.exchange import MERGE_PATCH, Exchange, path_of
from llmproxy.infra.remote.rows import (
    model_view,
    project_figures,
    stored_document,
    stored_key,
    text,
    texts,
)


class RemoteModels(ModelAdministration, ModelDirectory):
    """Documents as the gateway shows them: what could be a secret in them is masked.

    Lists come from the snapshot of the worker that answers, so that a change of a moment ago may be
    missing; single documents come from the store.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @override
    async def every(self) -> list[StoredDocument]:
        rows = self._exchange.pages(path_of("models"), {"documents": "true"})
        return [stored_document(row) async for row in rows]

    @override
    async def look_up(self, selection: Selection) -> list[ModelView]:
        asked = {
            "name": selection.name,
            "provider": selection.provider,
            "model_type": selection.model_type,
            "project": selection.project,
            "operation": selection.operation,
            "documents": "true",
        }
        query = {name: str(value) for name, value in asked.items() if value is not None}
        return [model_view(row) async for row in self._exchange.pages(path_of("models"), query)]

    @override
    async def get(self, model_id: str) -> StoredDocument:
        reply = await self._exchange.ask("GET", path_of("models", model_id))
        return StoredDocument(model_id, reply.values, reply.etag, 0.0)

    @override
    async def create(self, document: Document) -> Kept:
        reply = await self._exchange.ask("POST", path_of("models"), body=document)
        return _kept(reply.values)

    @override
    async def replace(self, document: Document, *, etag: str | None) -> Kept:
        path = path_of("models", str(document["id"]))
        try:
            # Without an etag the gateway would make a new document: `*` asks for any present one.
            reply = await self._exchange.ask("PUT", path, body=document, etag=etag or "*")
        except EtagMismatch as error:
            if etag is not None:
                raise
            raise UnknownItem(f"There is no model with the id `{document['id']}`.") from error
        return _kept(reply.values)

    @override
    async def patch(self, model_id: str, patch: Document, *, etag: str | None) -> Kept:
        path = path_of("models", model_id)
        reply = await self._exchange.ask("PATCH", path, body=patch, etag=etag, kind=MERGE_PATCH)
        return _kept(reply.values)

    @override
    async def put_all(self, documents: Sequence[Document], *, dry_run: bool) -> list[Put]:
        body = {"documents": [dict(each) for each in documents], "dry_run": dry_run}
        reply = await self._exchange.ask("POST", path_of("models", "import"), body=body)
        rows = reply.values.get("data")
        found: list[Put] = []
        for row in rows if isinstance(rows, list) else ():
            change = Change(text(row, "change"))
            before = None
            if dry_run and change is Change.CHANGED:
                before = (await self.get(text(row, "id"))).document
            found.append(Put(text(row, "id"), change, before, texts(row, "warnings")))
        return found

    @override
    async def remove(self, model_id: str, *, etag: str | None) -> None:
        await self._exchange.ask("DELETE", path_of("models", model_id), etag=etag)


def _kept(row: Document) -> Kept:
    return Kept(stored_document(row), texts(row, "warnings"))


class RemoteKeys(KeyAdministration):
    """Keys without their digests."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @override
    async def every(self) -> list[StoredKey]:
        return [stored_key(row) async for row in self._exchange.pages(path_of("keys"), {})]

    @override
    async def get(self, key_id: str) -> StoredKey:
        return stored_key((await self._exchange.ask("GET", path_of("keys", key_id))).values)

    @override
    async def issue(
        self,
        *,
        project: str | None,
        models: frozenset[str] | None,
        admin: bool,
        expires_at: float | None,
        limits: Document | None = None,
    ) -> IssuedKey:
        rights = {
            "project": project,
            "models": None if models is None else sorted(models),
            "expires_at": expires_at,
            "limits": None if limits is None else dict(limits),
        }
        given = {name: value for name, value in rights.items() if value is not None}
        body: dict[str, object] = {"admin": admin, **given}
        return _issued((await self._exchange.ask("POST", path_of("keys"), body=body)).values)

    @override
    async def patch(self, key_id: str, patch: Document, *, etag: str | None) -> StoredKey:
        path = path_of("keys", key_id)
        reply = await self._exchange.ask("PATCH", path, body=patch, etag=etag, kind=MERGE_PATCH)
        return stored_key(reply.values)

    @override
    async def rotate(self, key_id: str, *, grace_s: float) -> IssuedKey:
        path = path_of("keys", key_id, "rotate")
        return _issued((await self._exchange.ask("POST", path, body={"grace_s": grace_s})).values)

    @override
    async def revoke(self, key_id: str) -> StoredKey:
        return stored_key((await self._exchange.ask("DELETE", path_of("keys", key_id))).values)


def _issued(row: Document) -> IssuedKey:
    return IssuedKey(Secret(text(row, "key")), stored_key(row))


class RemoteProjects(ProjectAdministration):
    """Projects as the gateway shows them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @override
    async def every(self) -> list[ProjectFigures]:
        rows = self._exchange.pages(path_of("projects"), {})
        return [project_figures(row) async for row in rows]

    @override
    async def get(self, project_id: str) -> ProjectFigures:
        reply = await self._exchange.ask("GET", path_of("projects", project_id))
        return project_figures(reply.values)

    @override
    async def put(self, document: Document, *, etag: str | None) -> ProjectFigures:
        path = path_of("projects", str(document["id"]))
        reply = await self._exchange.ask("PUT", path, body=document, etag=etag)
        return project_figures(reply.values)

    @override
    async def patch(self, project_id: str, patch: Document, *, etag: str | None) -> ProjectFigures:
        path = path_of("projects", project_id)
        reply = await self._exchange.ask("PATCH", path, body=patch, etag=etag, kind=MERGE_PATCH)
        return project_figures(reply.values)

    @override
    async def remove(self, project_id: str, *, etag: str | None) -> None:
        await self._exchange.ask("DELETE", path_of("projects", project_id), etag=etag)
