"""Health: `/health` for people, `/health/live` and `/health/ready` for what watches the process."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from llmproxy.application.registry import Registry
from llmproxy.domain.errors import Unauthenticated
from llmproxy.infra.controllers.credentials import credentials


def health_routes(
    registry: Registry,
    problems: Callable[[], Mapping[str, str]],
    credentials_in_use: Callable[[], Mapping[str, str | None]],
    stage: str,
) -> APIRouter:
    """Return the routes.

    `problems` names the documents that were left out, `credentials_in_use` what is wrong with each
    credential that expires, None for one that is well.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Answer as long as the process runs."""
        return {"status": "healthy", "environment": stage}

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Answer as long as the event loop turns: restart the process when this fails."""
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready(request: Request) -> JSONResponse:
        """Answer 200 when requests can be served: send no traffic while this fails.

        Models that cannot be used are counted, and credentials that could not be renewed or have
        expired; a caller with a valid key also sees which and why.
        """
        if not registry.loaded:
            return JSONResponse(
                {"status": "starting"}, status_code=503, headers={"retry-after": "1"}
            )
        named = _known(registry, request)
        report = _report(registry, problems(), named=named)
        return JSONResponse(report | _credentials(credentials_in_use(), named=named))

    return router


def _known(registry: Registry, request: Request) -> bool:
    try:
        registry.authenticate(*credentials(request.scope))
    except Unauthenticated:
        return False
    return True


def _report(registry: Registry, left_out: Mapping[str, str], *, named: bool) -> dict[str, Any]:
    deployments = registry.snapshot.deployments
    reasons = {each.model.id: each.not_ready for each in deployments if each.not_ready is not None}
    reasons |= left_out
    ready = sum(each.not_ready is None for each in deployments)
    report: dict[str, Any] = {
        "status": "ready",
        "models": {"ready": ready, "not_ready": len(reasons)},
    }
    if named:
        report["models"]["reasons"] = reasons
    return report


def _credentials(states: Mapping[str, str | None], *, named: bool) -> dict[str, Any]:
    """Return the part about credentials; empty where none is in use."""
    if not states:
        return {}
    reasons = {name: problem for name, problem in states.items() if problem is not None}
    part: dict[str, Any] = {"ready": len(states) - len(reasons), "failing": len(reasons)}
    if named:
        part["reasons"] = reasons
    return {"credentials": part}
