"""Health: `/health` for people, `/health/live` and `/health/ready` for what watches the process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from llmproxy.application.interfaces.registry_state import RegistryState
from llmproxy.application.life import Life
from llmproxy.application.registry import Registry
from llmproxy.domain.caller import Auth
from llmproxy.domain.errors import Forbidden, Unauthenticated
from llmproxy.infra.controllers.credentials import credentials

OPEN_TO_ALL = "AUTH=open: whoever reaches this gateway may use its public models without a key"

States = Callable[[], Mapping[str, str | None]]


class Watched(NamedTuple):
    """What `/health/ready` reports on.

    `credentials` and `secrets` say by name what is wrong with each credential that expires and with
    each place of secrets that can fail, None for what is well. `place` is where the registry lives.
    `limits` says why limits that exist do not hold, None while they do.
    """

    registry_state: Callable[[], RegistryState]
    credentials: States
    secrets: States
    place: Callable[[], str]
    auth: Auth
    stage: str
    limits: Callable[[], str | None]
    life: Life


def health_routes(registry: Registry, watched: Watched) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Answer as long as the process runs."""
        return {"status": "healthy", "environment": watched.stage}

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Answer as long as the event loop turns: restart the process when this fails."""
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready(request: Request) -> JSONResponse:
        """Answer 200 when requests can be served: send no traffic while this fails.

        503 `draining` from the moment at which the process was told to end: it serves on meanwhile.
        Models that cannot be used are counted, and credentials that could not be renewed or have
        expired; that the registry's store is away is said, and that limits cannot be counted.
        Administrators also see which and why.
        """
        if watched.life.draining or not registry.loaded:
            status = "draining" if watched.life.draining else "starting"
            return JSONResponse({"status": status}, status_code=503, headers={"retry-after": "1"})
        named = _may_know(registry, request)
        report = _models(registry, named=named)
        report |= _registry(watched, named=named)
        report |= _states("credentials", watched.credentials(), named=named)
        report |= _states("secrets", watched.secrets(), named=named)
        report |= _limits(watched.limits(), named=named)
        if watched.auth is Auth.OPEN:
            report["warnings"] = [OPEN_TO_ALL]
        return JSONResponse(report)

    return router


def _may_know(registry: Registry, request: Request) -> bool:
    try:
        registry.operator(*credentials(request.scope))
    except (Unauthenticated, Forbidden):
        return False
    return True


def _models(registry: Registry, *, named: bool) -> dict[str, Any]:
    snapshot = registry.snapshot
    deployments = snapshot.deployments
    reasons = {each.model.id: each.not_ready for each in deployments if each.not_ready is not None}
    reasons |= snapshot.problems
    ready = sum(each.not_ready is None for each in deployments)
    report: dict[str, Any] = {
        "status": "ready",
        "models": {"ready": ready, "not_ready": len(reasons)},
    }
    if named:
        report["models"]["reasons"] = reasons
    return report


def _registry(watched: Watched, *, named: bool) -> dict[str, Any]:
    """Return the part about the registry's store; for the public only when something is wrong."""
    state = watched.registry_state()
    if not named:
        return {} if state.current else {"registry": {"current": False}}
    held = state.held_at
    return {
        "registry": {
            "current": state.current,
            "place": watched.place(),
            "heard_s_ago": None if state.age_s is None else round(state.age_s, 1),
            "away": dict(state.away),
            "empty_not_believed": list(state.emptied),
            "last_good_of": None if held is None else datetime.fromtimestamp(held, UTC).isoformat(),
        }
    }


def _limits(fault: str | None, *, named: bool) -> dict[str, Any]:
    """Return the part about limits: empty while they hold."""
    if fault is None:
        return {}
    return {"limits": {"enforced": False, **({"reason": fault} if named else {})}}


def _states(kind: str, states: Mapping[str, str | None], *, named: bool) -> dict[str, Any]:
    """Return a part about what is well or fails; empty where there is nothing of the kind."""
    if not states:
        return {}
    reasons = {name: problem for name, problem in states.items() if problem is not None}
    part: dict[str, Any] = {"ready": len(states) - len(reasons), "failing": len(reasons)}
    if named:
        part["reasons"] = reasons
    return {kind: part}
