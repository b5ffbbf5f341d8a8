"""`/admin/models/…`: model documents, read from and written to the store itself."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from llmproxy.application.interfaces.administration import Administration, Kept, Put
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.domain.errors import AlreadyExists, EtagMismatch, InvalidRequest, UnknownItem
from llmproxy.domain.masking import masked
from llmproxy.infra.controllers.admin.bodies import (
    JSON,
    MAX_IMPORT_BYTES,
    MERGE_PATCH,
    FieldsBody,
    JsonBody,
    documented,
)
from llmproxy.infra.controllers.admin.preconditions import (
    create_only,
    demanded,
    etag_header,
    if_match,
)
from llmproxy.infra.controllers.admin.route import CONFLICT, MISMATCH, UNKNOWN, Access, router
from llmproxy.infra.schemas.admin_models import (
    EXAMPLE,
    Import,
    Imported,
    ImportedModel,
    KeptModel,
)

PATCHES = (MERGE_PATCH, JSON)
_document = JsonBody()
_patch = JsonBody(kinds=PATCHES)
_import = FieldsBody(Import, max_bytes=MAX_IMPORT_BYTES)


def model_document_routes(access: Access) -> APIRouter:
    """Return the routes of one document, and of many at once."""
    routes = router()
    _read_and_write(routes, access)
    _put(routes, access)
    _change(routes, access)
    return routes


def _read_and_write(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.post(
        "/models",
        status_code=201,
        response_model=KeptModel,
        responses=CONFLICT,
        openapi_extra=documented(example=EXAMPLE),
    )
    async def create_model(
        parts: Annotated[Administration, opened],
        document: Annotated[dict[str, Any], Depends(_document)],
    ) -> Response:
        """Register a model by its document; one with the same id must not be there."""
        return _kept(await parts.models.create(document), 201)

    @routes.post(
        "/models/import",
        responses=CONFLICT,
        openapi_extra=documented(Import, {"documents": [EXAMPLE], "dry_run": True}),
    )
    async def import_models(
        parts: Annotated[Administration, opened], wanted: Annotated[Import, Depends(_import)]
    ) -> Imported:
        """Register many models, each in place of the one with the same id; again does no harm.

        When one document is not good nothing is kept, and the error names all that is wrong.
        """
        done = await parts.models.put_all(wanted.documents, dry_run=wanted.dry_run)
        counts = Counter(each.change.value for each in done)
        pairs = zip(done, wanted.documents, strict=True)
        return Imported(
            dry_run=wanted.dry_run,
            added=counts["added"],
            changed=counts["changed"],
            unchanged=counts["unchanged"],
            data=[_imported(each, document) for each, document in pairs],
        )

    @routes.get("/models/{model_id}", response_model=dict[str, Any], responses=UNKNOWN)
    async def read_model(parts: Annotated[Administration, opened], model_id: str) -> Response:
        """Return a document as the store holds it now, with its `ETag`; secrets are masked."""
        stored = await parts.models.get(model_id)
        return JSONResponse(masked(stored.document), headers=_headers(stored))


def _put(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.put(
        "/models/{model_id}",
        response_model=KeptModel,
        responses=MISMATCH | CONFLICT | {201: {"model": KeptModel, "description": "It is new."}},
        openapi_extra=documented(example=EXAMPLE),
    )
    async def put_model(
        request: Request,
        parts: Annotated[Administration, opened],
        model_id: str,
        document: Annotated[dict[str, Any], Depends(_document)],
    ) -> Response:
        """Keep a document, new or in place of the present one.

        `If-Match: ETAG` replaces that one only, `If-None-Match: *` makes a new one only.
        """
        if document.get("id") != model_id:
            raise InvalidRequest(
                "Invalid 'id': it must be the one of the path.", param="id", code="invalid_value"
            )
        if create_only(request):
            return await _create_only(parts, document)
        if if_match(request) is None:
            return await _upserted(parts, document)
        etag = await demanded(request, _etag_of(parts, model_id))
        try:
            return _kept(await parts.models.replace(document, etag=etag))
        except UnknownItem as error:
            raise EtagMismatch(f"There is no model `{model_id}` any more.") from error


def _change(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.patch(
        "/models/{model_id}",
        response_model=KeptModel,
        responses=UNKNOWN | MISMATCH | CONFLICT,
        openapi_extra=documented(example={"private": True, "projects": ["team-a"]}, kinds=PATCHES),
    )
    async def patch_model(
        request: Request,
        parts: Annotated[Administration, opened],
        model_id: str,
        patch: Annotated[dict[str, Any], Depends(_patch)],
    ) -> Response:
        """Change fields by a JSON Merge Patch (RFC 7396): null removes a field."""
        etag = await demanded(request, _etag(parts, model_id))
        return _kept(await parts.models.patch(model_id, patch, etag=etag))

    @routes.delete("/models/{model_id}", status_code=204, responses=UNKNOWN | MISMATCH | CONFLICT)
    async def remove_model(
        request: Request, parts: Annotated[Administration, opened], model_id: str
    ) -> Response:
        """Forget a document."""
        etag = await demanded(request, _etag(parts, model_id))
        await parts.models.remove(model_id, etag=etag)
        return Response(status_code=204)


async def _create_only(parts: Administration, document: dict[str, Any]) -> Response:
    try:
        return _kept(await parts.models.create(document), 201)
    except AlreadyExists as error:
        raise EtagMismatch(
            f"There is a model `{document['id']}` already, and `If-None-Match` says *."
        ) from error


async def _upserted(parts: Administration, document: dict[str, Any]) -> Response:
    try:
        return _kept(await parts.models.replace(document, etag=None))
    except UnknownItem:
        return _kept(await parts.models.create(document), 201)


def _etag(parts: Administration, model_id: str) -> Callable[[], Awaitable[str | None]]:
    """Return what asks for the present etag. It raises UnknownItem: 404 rather than 412."""

    async def present() -> str | None:
        return (await parts.models.get(model_id)).etag

    return present


def _etag_of(parts: Administration, model_id: str) -> Callable[[], Awaitable[str | None]]:
    async def present() -> str | None:
        try:
            return (await parts.models.get(model_id)).etag
        except UnknownItem:
            return None

    return present


def _headers(stored: StoredDocument) -> dict[str, str]:
    return {"etag": etag_header(stored.etag)}


def _kept(kept: Kept, status: int = 200) -> Response:
    stored = kept.stored
    answer = KeptModel(
        id=stored.id,
        etag=etag_header(stored.etag),
        updated_at=stored.updated_at,
        warnings=list(kept.warnings),
        document=masked(stored.document),
    )
    headers = _headers(stored)
    if status == 201:
        headers["location"] = f"/admin/models/{quote(stored.id, safe='')}"
    return JSONResponse(answer.model_dump(), status, headers)


def _imported(put: Put, document: dict[str, Any]) -> ImportedModel:
    before = put.before or {}
    differing = [
        name
        for name in {**before, **document}
        if name not in before or name not in document or before[name] != document[name]
    ]
    return ImportedModel(
        id=put.id,
        change=put.change.value,
        changed_fields=differing,
        warnings=list(put.warnings),
    )
