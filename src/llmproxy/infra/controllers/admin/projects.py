"""`/admin/projects`: whom keys belong to and models are private for."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from llmproxy.application.interfaces.administration import Administration, ProjectFigures
from llmproxy.domain.errors import InvalidRequest, UnknownItem
from llmproxy.infra.controllers.admin.bodies import JSON, MERGE_PATCH, FieldsBody, documented
from llmproxy.infra.controllers.admin.preconditions import demanded, etag_header
from llmproxy.infra.controllers.admin.route import (
    CONFLICT,
    MISMATCH,
    NEEDS_REDIS,
    UNKNOWN,
    Access,
    router,
)
from llmproxy.infra.schemas.admin_models import Page
from llmproxy.infra.schemas.admin_projects import ProjectDocument, ProjectRow, ProjectRows

PATCHES = (MERGE_PATCH, JSON)
EXAMPLE = {"name": "Team A", "suspended": False, "limits": {"cost_per_month": 1000}}
_document = FieldsBody(ProjectDocument)
_patch = FieldsBody(ProjectDocument, kinds=PATCHES)


def project_routes(access: Access) -> APIRouter:
    """Return the routes."""
    routes = router()
    _look(routes, access)
    _put(routes, access)
    _change(routes, access)
    return routes


def _look(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.get("/projects")
    async def list_projects(
        parts: Annotated[Administration, opened], query: Annotated[Page, Query()]
    ) -> ProjectRows:
        """List projects by id: those with a document, and those that only keys or models name."""
        every = [
            each
            for each in await parts.projects.every()
            if query.after is None or each.id > query.after
        ]
        page = every[: query.limit]
        return ProjectRows(
            data=[_row(each) for each in page],
            has_more=len(every) > query.limit,
            last_id=page[-1].id if page else None,
        )

    @routes.get("/projects/{project_id}", response_model=ProjectRow, responses=UNKNOWN)
    async def read_project(parts: Annotated[Administration, opened], project_id: str) -> Response:
        """Return one project."""
        return _shown(await parts.projects.get(project_id))


def _put(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.put(
        "/projects/{project_id}",
        response_model=ProjectRow,
        responses=MISMATCH | NEEDS_REDIS,
        openapi_extra=documented(ProjectDocument, EXAMPLE),
    )
    async def put_project(
        request: Request,
        parts: Annotated[Administration, opened],
        project_id: str,
        document: Annotated[ProjectDocument, Depends(_document)],
    ) -> Response:
        """Keep a project's document, new or in place of the present one."""
        _refuse_create_only(request)
        etag = await demanded(request, lambda: _etag(parts, project_id))
        _check_id(document, project_id)
        whole = {"id": project_id, **document.model_dump(exclude_none=True)}
        return _shown(await parts.projects.put(whole, etag=etag))


def _change(routes: APIRouter, access: Access) -> None:
    opened = Depends(access)

    @routes.patch(
        "/projects/{project_id}",
        response_model=ProjectRow,
        responses=MISMATCH | NEEDS_REDIS,
        openapi_extra=documented(ProjectDocument, {"suspended": True}, PATCHES),
    )
    async def patch_project(
        request: Request,
        parts: Annotated[Administration, opened],
        project_id: str,
        patch: Annotated[ProjectDocument, Depends(_patch)],
    ) -> Response:
        """Change fields of a project by a JSON Merge Patch; the document is made if need be."""
        etag = await demanded(request, lambda: _etag(parts, project_id))
        _check_id(patch, project_id)
        fields: dict[str, Any] = patch.model_dump(exclude_unset=True)
        fields.pop("id", None)
        return _shown(await parts.projects.patch(project_id, fields, etag=etag))

    @routes.delete(
        "/projects/{project_id}", status_code=204, responses=UNKNOWN | MISMATCH | CONFLICT
    )
    async def remove_project(
        request: Request, parts: Annotated[Administration, opened], project_id: str
    ) -> Response:
        """Forget a project's document; refused while a live key belongs to the project."""
        etag = await demanded(request, lambda: _etag(parts, project_id))
        await parts.projects.remove(project_id, etag=etag)
        return Response(status_code=204)


async def _etag(parts: Administration, project_id: str) -> str | None:
    try:
        stored = (await parts.projects.get(project_id)).stored
    except UnknownItem:
        return None
    return None if stored is None else stored.etag


def _check_id(document: ProjectDocument, project_id: str) -> None:
    if "id" in document.model_fields_set and document.id != project_id:
        raise InvalidRequest(
            "Invalid 'id': it must be the one of the path.", param="id", code="invalid_value"
        )


def _refuse_create_only(request: Request) -> None:
    if "if-none-match" in request.headers:
        raise InvalidRequest(
            "Invalid 'If-None-Match': projects know only If-Match.",
            param="If-None-Match",
            code="invalid_value",
        )


def _row(figures: ProjectFigures) -> ProjectRow:
    stored = figures.stored
    document = {} if stored is None else stored.document
    limits, weight = document.get("limits"), document.get("weight")
    return ProjectRow(
        id=figures.id,
        name=str(document.get("name") or figures.id),
        description=str(document.get("description") or ""),
        suspended=document.get("suspended") is True,
        limits=dict(limits) if isinstance(limits, Mapping) else None,
        weight=weight if isinstance(weight, int | float) else None,
        live_keys=figures.live_keys,
        private_models=figures.private_models,
        etag=None if stored is None else etag_header(stored.etag),
        updated_at=None if stored is None else stored.updated_at,
    )


def _shown(figures: ProjectFigures) -> Response:
    row = _row(figures)
    headers = {} if row.etag is None else {"etag": row.etag}
    return JSONResponse(row.model_dump(), headers=headers)
