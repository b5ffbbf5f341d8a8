"""The control plane: everything that is not an operation of the data plane, on FastAPI."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from llmproxy import __version__
from llmproxy.application.registry import Registry
from llmproxy.domain.errors import GatewayError, InvalidRequest, UnknownUrl, WrongMethod
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.controllers.errors import ERROR, rendered
from llmproxy.infra.controllers.openai.left_out import left_out

VERSIONED: Final = frozenset((*[f"/{endpoint}" for endpoint in Endpoint], "/models"))
"""What a client asks for whose base URL lacks the `/v1`."""


def control_plane(routers: list[APIRouter]) -> FastAPI:
    """Return the FastAPI application. Every error it answers has OpenAI's envelope."""
    app = FastAPI(
        title="LLM Proxy",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(GatewayError, _answer)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    return app


class Exposition(Protocol):
    """Figures in Prometheus' text format."""

    @property
    def together(self) -> Callable[[], Awaitable[str]]:
        """What returns those of all workers of the data folder."""

    async def text(self) -> str:
        """Return those of this worker."""


def metrics_routes(registry: Registry, exposition: Exposition) -> APIRouter:
    """Return `/metrics`, in Prometheus' text format, for administrators.

    Its labels name models, private ones too.
    """
    router = APIRouter(tags=["operations"])

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics(request: Request, worker: Literal["self"] | None = None) -> PlainTextResponse:
        """Return the figures of all workers of the data folder, or of this one alone."""
        registry.operator(*credentials(request.scope))
        told = await (exposition.together() if worker is None else exposition.text())
        return PlainTextResponse(told, media_type="text/plain; version=0.0.4")

    return router


def _response(request: Request, error: Exception) -> Response:
    if isinstance(error, GatewayError):
        request.scope["state"][ERROR] = error.code  # the access line has it
    status, headers, body = rendered(error)
    response = Response(body, status)
    response.raw_headers = headers
    return response


async def _answer(request: Request, error: Exception) -> Response:
    return _response(request, error)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Say in OpenAI's words what Starlette found: no such path, or no such method."""
    if not isinstance(error, HTTPException):
        return _response(request, error)
    path = request.scope["path"]
    unsupported = left_out(request.method, path)
    if unsupported is not None:
        return _response(request, unsupported)
    where = f"{request.method} {path[:200]}"
    if error.status_code == 404:
        hint = "The operations are listed at /docs."
        if path in VERSIONED:
            hint = "A client's base URL ends in /v1."
        return _response(request, UnknownUrl(f"Invalid URL ({where}).", hint=hint))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("allow", "GET")
        return _response(
            request, WrongMethod(f"Not allowed to {request.method} here.", allowed=allowed)
        )
    return _response(request, InvalidRequest(str(error.detail)))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """Name the first field that does not fit."""
    if not isinstance(error, RequestValidationError):
        return _response(request, error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return _response(
        request,
        InvalidRequest(f"Invalid '{field}': {first['msg']}.", param=field, code="invalid_value"),
    )
