"""`GET /admin/models` and `/admin/providers`: look-ups, answered from the snapshot in memory."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.masking import masked
from llmproxy.domain.selection import Selection
from llmproxy.infra.controllers.admin.preconditions import etag_header
from llmproxy.infra.controllers.admin.route import Access, router
from llmproxy.infra.schemas.admin_models import (
    ModelQuery,
    ModelRow,
    ModelRows,
    ProviderRow,
    ProviderRows,
)

State = Literal["ready", "not_ready", "left_out"]


def model_list_routes(registry: Registry, access: Access) -> APIRouter:
    """Return the routes. What they tell is at most as old as the snapshot of this worker."""
    routes = router()
    opened = Depends(access)

    @routes.get("/models")
    async def list_models(
        _: Annotated[Administration, opened], query: Annotated[ModelQuery, Query()]
    ) -> ModelRows:
        """List model documents by id, those that cannot be used too, with the reason."""
        found = list(islice(_rows(registry.snapshot, query), query.limit + 1))
        page = found[: query.limit]
        return ModelRows(
            data=page,
            has_more=len(found) > query.limit,
            last_id=page[-1].id if page else None,
        )

    @routes.get("/providers")
    async def list_providers(_: Annotated[Administration, opened]) -> ProviderRows:
        """List the providers that documents name, and how many models each has."""
        return ProviderRows(data=_providers(registry.snapshot))

    return routes


def _rows(snapshot: Snapshot, query: ModelQuery) -> Iterator[ModelRow]:
    selection = Selection(
        query.name, query.provider, query.model_type, query.project, query.operation
    )
    # What has no document (a file that cannot be read) is known by its name and its problem only.
    ids = sorted(snapshot.documents.keys() | snapshot.problems.keys())
    start = 0 if query.after is None else bisect_right(ids, query.after)
    for model_id in islice(ids, start, None):
        deployment = next(iter(snapshot.by_id.get(model_id, ())), None)
        stored = snapshot.documents.get(model_id)
        state = _state(deployment)
        if query.state not in (None, state):
            continue
        if deployment is not None:
            if selection.fits(deployment.model):
                yield _usable(deployment, stored, state, shown=query.documents)
        elif _fits(selection, model_id, {} if stored is None else stored.document):
            reason = snapshot.problems.get(model_id)
            yield _left_out(model_id, stored, reason, shown=query.documents)


def _state(deployment: Deployment | None) -> State:
    if deployment is None:
        return "left_out"
    return "ready" if deployment.not_ready is None else "not_ready"


def _usable(
    deployment: Deployment, stored: StoredDocument | None, state: State, *, shown: bool
) -> ModelRow:
    model = deployment.model
    price: Literal["free", "priced", "missing"] = "missing"
    if model.price is not None:
        price = "free" if model.price.free else "priced"
    return ModelRow(
        id=model.id,
        code=model.code,
        name=model.name,
        provider=model.provider,
        model_type=model.model_type,
        private=model.private,
        projects=sorted(model.projects),
        operations=sorted(model.operations),
        price=price,
        limits=None if model.limits is None else model.limits.document(),
        model_limits=None if model.model_limits is None else model.model_limits.document(),
        cache_ttl_s=model.cache_ttl_s,
        state=state,
        reason=deployment.not_ready,
        etag=None if stored is None else etag_header(stored.etag),
        updated_at=None if stored is None else stored.updated_at,
        document=masked(model.document) if shown else None,
    )


def _left_out(
    model_id: str, stored: StoredDocument | None, reason: str | None, *, shown: bool
) -> ModelRow:
    document: Mapping[str, object] = {} if stored is None else stored.document
    private = document.get("private")
    return ModelRow(
        id=model_id,
        code=_text(document, "code"),
        name=_text(document, "name"),
        provider=_text(document, "provider"),
        model_type=_text(document, "model_type"),
        private=private if isinstance(private, bool) else None,
        projects=_texts(document, "projects"),
        operations=_texts(document, "operations"),
        price=None,
        limits=_section(document, "limits"),
        model_limits=_section(document, "model_limits"),
        cache_ttl_s=None,
        state="left_out",
        reason=reason,
        etag=None if stored is None else etag_header(stored.etag),
        updated_at=None if stored is None else stored.updated_at,
        document=masked(document) if shown and stored is not None else None,
    )


def _fits(selection: Selection, model_id: str, document: Mapping[str, object]) -> bool:
    """Whether a document that is no model is asked for, by the fields as they are written."""
    private = document.get("private") is True
    return (
        selection.name in (None, model_id, document.get("code"))
        and _same(selection.provider, _text(document, "provider"))
        and _same(selection.model_type, _text(document, "model_type"))
        and (
            selection.project is None
            or (bool(document) and not private)
            or selection.project in _texts(document, "projects")
        )
        and selection.operation in (None, *_texts(document, "operations"))
    )


def _same(asked: str | None, found: str | None) -> bool:
    return asked is None or (found is not None and asked.casefold() == found.casefold())


def _text(document: Mapping[str, object], field: str) -> str | None:
    value = document.get(field)
    return value if isinstance(value, str) else None


def _texts(document: Mapping[str, object], field: str) -> list[str]:
    value = document.get(field)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _section(document: Mapping[str, object], field: str) -> dict[str, object] | None:
    value = document.get(field)
    return dict(value) if isinstance(value, Mapping) else None


def _providers(snapshot: Snapshot) -> list[ProviderRow]:
    counts: dict[str, Counter[State]] = {}
    for model_id, stored in snapshot.documents.items():
        deployment = next(iter(snapshot.by_id.get(model_id, ())), None)
        written = _text(stored.document, "provider")
        name = written if deployment is None else deployment.model.provider
        if name is not None:
            counts.setdefault(name, Counter())[_state(deployment)] += 1
    return [
        ProviderRow(
            name=name,
            models=found.total(),
            ready=found["ready"],
            not_ready=found["not_ready"],
            left_out=found["left_out"],
        )
        for name, found in sorted(counts.items())
    ]
