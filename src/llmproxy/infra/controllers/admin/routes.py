"""Administration over HTTP: everything under `/admin`, for admin keys only."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.registry import Registry
from llmproxy.domain.errors import UnknownUrl, WrongMethod
from llmproxy.infra.controllers.admin.keys import key_routes
from llmproxy.infra.controllers.admin.model_list import model_list_routes
from llmproxy.infra.controllers.admin.models import model_document_routes
from llmproxy.infra.controllers.admin.projects import project_routes
from llmproxy.infra.controllers.admin.route import Access, AdminRoute, access

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def admin_routes(
    registry: Registry,
    administration: Callable[[Actor], Administration],
    clock: Clock,
    *further: APIRouter,
) -> list[APIRouter]:
    """Return the routers of everything under `/admin`, `further` ones before the last.

    The last one answers all other paths there, to administrators only: nobody else learns which
    paths exist.
    """
    opened = access(registry, administration)
    found = [
        model_list_routes(registry, opened),
        model_document_routes(opened),
        key_routes(opened, clock),
        project_routes(opened),
        *further,
    ]
    return [*found, _rest(found, opened)]


def _rest(routers: list[APIRouter], opened: Access) -> APIRouter:
    routes = APIRouter(route_class=AdminRoute, include_in_schema=False)

    @routes.api_route("/admin", methods=list(METHODS))
    @routes.api_route("/admin/{rest:path}", methods=list(METHODS))
    async def unknown(_: Annotated[Administration, Depends(opened)], request: Request) -> Response:
        allowed = {
            method
            for each in routers
            for route in each.routes
            if isinstance(route, APIRoute) and route.matches(request.scope)[0] is Match.PARTIAL
            for method in route.methods or ()
        }
        if allowed:
            raise WrongMethod(
                f"Not allowed to {request.method} here.", allowed=", ".join(sorted(allowed))
            )
        raise UnknownUrl(
            f"Invalid URL ({request.method} {request.url.path[:200]}).",
            hint="The operations are listed at /docs.",
        )

    return routes
