"""What all routes of administration share: who may call, errors, and that nothing is cached."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from typing_extensions import override

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.registry import Registry
from llmproxy.domain.errors import GatewayError
from llmproxy.infra.controllers.admin.bodies import invalid
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.controllers.errors import ERROR, rendered

Access = Callable[[Request], Awaitable[Administration]]

FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"description": "A field does not fit; `param` names it."},
    401: {"description": "`invalid_api_key`: no key, or one that is unknown, revoked or expired."},
    403: {"description": "`admin_key_required`: the key may not administer the gateway."},
    503: {"description": "The store is away. Whether a change was made is in the audit only."},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "`not_found`: no such id."}}
MISMATCH: dict[int | str, dict[str, Any]] = {
    412: {"description": "`etag_mismatch`: somebody else has made a change."}
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "description": "`already_exists`, `limits_need_redis` (see `POST /admin/keys`), or "
        "`read_only` where documents come from files."
    }
}
NEEDS_REDIS: dict[int | str, dict[str, Any]] = {
    409: {"description": "`limits_need_redis`: several workers cannot count limits without it."}
}


class AdminRoute(APIRoute):
    """A route whose every answer, an error too, says that it must not be kept."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        serve = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await serve(request)
            except GatewayError as error:
                response = _answer(request, error)
            except RequestValidationError as error:
                response = _answer(request, invalid(error.errors(), skip=1))
            response.headers["cache-control"] = "no-store"
            return response

        return handle


def access(registry: Registry, administration: Callable[[Actor], Administration]) -> Access:
    """Return the dependency of every route: administration in the name of an admin key."""

    async def opened(request: Request) -> Administration:
        caller = registry.administrator(*credentials(request.scope))
        # Keys of the store have ids such as key_0f3a…; the one of the environment has its own name.
        name = caller.key_id
        return administration(Actor(f"key:{name}" if name.startswith("key_") else name))

    return opened


def router() -> APIRouter:
    """Return an empty router for paths under `/admin`."""
    return APIRouter(
        prefix="/admin", tags=["administration"], route_class=AdminRoute, responses=FAILURES
    )


def _answer(request: Request, error: GatewayError) -> Response:
    request.scope["state"][ERROR] = error.code
    status, headers, body = rendered(error)
    response = Response(body, status)
    response.raw_headers = headers
    return response
