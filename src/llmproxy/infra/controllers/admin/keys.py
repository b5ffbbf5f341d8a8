"""`/admin/keys`: made, listed, changed, rotated and revoked."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from llmproxy.application.interfaces.administration import Administration, IssuedKey
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.moments import span_s, unix_time
from llmproxy.infra.controllers.admin.bodies import JSON, MERGE_PATCH, FieldsBody, documented
from llmproxy.infra.controllers.admin.preconditions import demanded, etag_header
from llmproxy.infra.controllers.admin.route import MISMATCH, NEEDS_REDIS, UNKNOWN, Access, router
from llmproxy.infra.schemas.admin_keys import (
    IssuedKeyRow,
    KeyPatch,
    KeyQuery,
    KeyRow,
    KeyRows,
    NewKey,
    Rotation,
)

PATCHES = (MERGE_PATCH, JSON)
NEW_KEY = {"project": "team-a", "expires_in": "30d", "limits": {"cost_per_month": 250}}
_new = FieldsBody(NewKey)
_patch = FieldsBody(KeyPatch, kinds=PATCHES)
_rotation = FieldsBody(Rotation, empty=True)


def key_routes(access: Access, clock: Clock) -> APIRouter:
    """Return the routes. A key is in the answer that makes it, and in no other."""
    routes = router()
    _make(routes, access, clock)
    _look(routes, access, clock)
    _change(routes, access, clock)
    return routes


def _make(routes: APIRouter, access: Access, clock: Clock) -> None:
    opened = Depends(access)

    @routes.post(
        "/keys",
        status_code=201,
        response_model=IssuedKeyRow,
        responses=NEEDS_REDIS,
        openapi_extra=documented(NewKey, NEW_KEY),
    )
    async def create_key(
        parts: Annotated[Administration, opened], new: Annotated[NewKey, Depends(_new)]
    ) -> Response:
        """Make a key. It is in this answer and cannot be shown again."""
        issued = await parts.keys.issue(
            project=new.project,
            models=None if new.models is None else frozenset(_named(new.models)),
            admin=new.admin,
            expires_at=_ends(new, clock.now()),
            limits=new.limits,
        )
        return _issued(issued, clock.now())

    @routes.post(
        "/keys/{key_id}/rotate",
        status_code=201,
        response_model=IssuedKeyRow,
        responses=UNKNOWN,
        openapi_extra=documented(Rotation, {"grace_s": 86_400}, required=False),
    )
    async def rotate_key(
        parts: Annotated[Administration, opened],
        key_id: str,
        rotation: Annotated[Rotation, Depends(_rotation)],
    ) -> Response:
        """Make a new key with the same rights; the old one stays valid for `grace_s` seconds."""
        issued = await parts.keys.rotate(key_id, grace_s=rotation.grace_s)
        return _issued(issued, clock.now())


def _look(routes: APIRouter, access: Access, clock: Clock) -> None:
    opened = Depends(access)

    @routes.get("/keys")
    async def list_keys(
        parts: Annotated[Administration, opened], query: Annotated[KeyQuery, Query()]
    ) -> KeyRows:
        """List keys, oldest first, revoked and expired ones too."""
        now = clock.now()
        rows = [
            key
            for key in _behind(await parts.keys.every(), query.after)
            if query.project in (None, key.project) and query.state in (None, key.state(now))
        ]
        page = rows[: query.limit]
        return KeyRows(
            data=[KeyRow(**_plain(key, now)) for key in page],
            has_more=len(rows) > query.limit,
            last_id=page[-1].id if page else None,
        )

    @routes.get("/keys/{key_id}", response_model=KeyRow, responses=UNKNOWN)
    async def read_key(parts: Annotated[Administration, opened], key_id: str) -> Response:
        """Return what is kept of a key, with its `ETag`."""
        return _shown(await parts.keys.get(key_id), clock.now())


def _change(routes: APIRouter, access: Access, clock: Clock) -> None:
    opened = Depends(access)

    @routes.patch(
        "/keys/{key_id}",
        response_model=KeyRow,
        responses=UNKNOWN | MISMATCH | NEEDS_REDIS,
        openapi_extra=documented(KeyPatch, {"models": ["gpt-4o-mini"]}, PATCHES),
    )
    async def patch_key(
        request: Request,
        parts: Annotated[Administration, opened],
        key_id: str,
        patch: Annotated[KeyPatch, Depends(_patch)],
    ) -> Response:
        """Change models, end or limits of a key; a revoked one stays as it is."""
        now = clock.now()
        given = patch.model_fields_set
        fields: dict[str, object] = patch.model_dump(include=given & {"models", "limits"})
        if given & {"expires_at", "expires_in"}:
            fields["expires_at"] = _ends(patch, now)

        async def present() -> str | None:
            return (await parts.keys.get(key_id)).etag

        etag = await demanded(request, present)
        return _shown(await parts.keys.patch(key_id, fields, etag=etag), now)

    @routes.delete("/keys/{key_id}", response_model=KeyRow, responses=UNKNOWN)
    async def revoke_key(parts: Annotated[Administration, opened], key_id: str) -> Response:
        """Revoke a key for good. It stays listed, because calls are counted under its id."""
        return _shown(await parts.keys.revoke(key_id), clock.now())


def _behind(keys: list[StoredKey], after: str | None) -> list[StoredKey]:
    """Return the keys behind the one with this id. Raises InvalidRequest when there is none."""
    if after is None:
        return keys
    for index, key in enumerate(keys):
        if key.id == after:
            return keys[index + 1 :]
    raise InvalidRequest("Invalid 'after': no such id.", param="after", code="invalid_value")


def _ends(wanted: NewKey | KeyPatch, now: float) -> float | None:
    """Return when the key is to end, in unix seconds. Raises InvalidRequest."""
    if wanted.expires_in is not None:
        span = span_s(wanted.expires_in)
        if wanted.expires_at is not None:
            raise _invalid("expires_in", "contradicts 'expires_at': give one of them")
        if span is None:
            raise _invalid("expires_in", "must be a span such as 12h, 30d or 4w")
        return now + span
    if not isinstance(wanted.expires_at, str):
        return wanted.expires_at
    at = unix_time(wanted.expires_at)
    if at is None:
        raise _invalid("expires_at", "must be unix seconds or a time such as 2027-01-31T00:00:00Z")
    return at


def _named(models: list[str]) -> list[str]:
    for index, name in enumerate(models):
        if not name or name != name.strip() or not name.isprintable() or len(name) > 255:
            raise _invalid(f"models[{index}]", "must be a code or an id")
    return models


def _invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{field}': it {message}.", param=field, code="invalid_value")


def _plain(key: StoredKey, now: float) -> dict[str, Any]:
    return {**key.shown(), "state": key.state(now), "etag": etag_header(key.etag)}


def _shown(key: StoredKey, now: float) -> Response:
    row = KeyRow(**_plain(key, now))
    return JSONResponse(row.model_dump(), headers={"etag": row.etag})


def _issued(issued: IssuedKey, now: float) -> Response:
    row = IssuedKeyRow(**_plain(issued.stored, now), key=issued.key.expose())
    headers = {"etag": row.etag, "location": f"/admin/keys/{row.id}"}
    return JSONResponse(row.model_dump(), 201, headers)
