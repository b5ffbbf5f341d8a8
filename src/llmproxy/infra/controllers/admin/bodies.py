"""Reading the bodies of administration: bounded, JSON, and nothing in them that is not known."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from llmproxy.domain.errors import InvalidRequest, SlowUpload, TooLarge
from llmproxy.infra.controllers.visit import ClientGone

Schema = TypeVar("Schema", bound=BaseModel)

MAX_BYTES: Final = 1024 * 1024
MAX_IMPORT_BYTES: Final = 32 * 1024 * 1024
MAX_DEPTH: Final = 64
"""Deeper documents mean nothing, and whoever walks through one must not run out of stack."""
BODY_TIMEOUT_S: Final = 60.0
IN_A_THREAD_BYTES: Final = 64 * 1024
"""From this size on a body is decoded beside the event loop."""
MAX_NAMED: Final = 20
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"


class JsonBody:
    """A dependency: any JSON object."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, kinds: Sequence[str] = (JSON,)) -> None:
        self._max_bytes = max_bytes
        self._kinds = kinds

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Return the body. Raises InvalidRequest, TooLarge, SlowUpload or ClientGone."""
        return await self.read(request)

    async def read(self, request: Request, *, empty: bool = False) -> dict[str, Any]:
        """Return the body; an empty one is an empty object where that is allowed."""
        kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind not in self._kinds:
            raise InvalidRequest(
                f"Unsupported content type: {kind[:100]!r}.",
                code="unsupported_content_type",
                hint=f"Send `content-type: {self._kinds[0]}`.",
            )
        body = await _received(request, self._max_bytes)
        if empty and not body:
            return {}
        if len(body) < IN_A_THREAD_BYTES:
            return _decoded(body)
        return await asyncio.to_thread(_decoded, body)


class FieldsBody(Generic[Schema]):
    """A dependency: a JSON object with the fields of a schema and no others."""

    def __init__(
        self,
        schema: type[Schema],
        *,
        max_bytes: int = MAX_BYTES,
        kinds: Sequence[str] = (JSON,),
        empty: bool = False,
    ) -> None:
        self._schema = schema
        self._body = JsonBody(max_bytes=max_bytes, kinds=kinds)
        self._empty = empty

    async def __call__(self, request: Request) -> Schema:
        """Return the fields. Raises as JsonBody."""
        fields = await self._body.read(request, empty=self._empty)
        try:
            return self._schema.model_validate(fields)
        except ValidationError as error:
            raise invalid(error.errors(include_input=False, include_url=False)) from None


def documented(
    schema: type[BaseModel] | None = None,
    example: object = None,
    kinds: Sequence[str] = (JSON,),
    *,
    required: bool = True,
) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that FastAPI does not read itself."""
    described: dict[str, Any] = {"type": "object"}
    if schema is not None:
        described = schema.model_json_schema()
    content = {"schema": described} | ({} if example is None else {"example": example})
    return {"requestBody": {"required": required, "content": dict.fromkeys(kinds, content)}}


def invalid(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> InvalidRequest:
    """Return one error that names every field at fault, never what stands in it."""
    named = [_named(each, skip) for each in errors[:MAX_NAMED]]
    texts = "; ".join(f"'{field}' {fault}" for field, fault in named)
    unknown = errors[0]["type"] == "extra_forbidden"
    return InvalidRequest(
        f"Invalid request: {texts}.",
        param=named[0][0][:200],
        code="unknown_parameter" if unknown else "invalid_value",
    )


def _named(error: Mapping[str, Any], skip: int) -> tuple[str, str]:
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][skip:]
    )
    fault = "is not known here" if error["type"] == "extra_forbidden" else error["msg"]
    return place.removeprefix("."), fault


async def _received(request: Request, max_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError as error:
        raise SlowUpload(f"The body did not arrive within {BODY_TIMEOUT_S:g} s.") from error
    except ClientDisconnect as error:
        raise ClientGone from error
    return bytes(body)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {max_bytes} bytes.", hint="Send less.")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            "The request body is not valid JSON.", code="invalid_json", hint=str(error)[:200]
        ) from error
    if not isinstance(found, dict):
        raise InvalidRequest("The request body must be a JSON object.", code="invalid_json")
    if _is_deeper(found, MAX_DEPTH):
        raise InvalidRequest(
            f"The request body is nested more than {MAX_DEPTH} deep.", code="invalid_json"
        )
    return found


def _is_deeper(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
