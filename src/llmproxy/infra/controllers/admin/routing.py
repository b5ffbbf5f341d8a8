"""`GET /admin/routing`: how each deployment is doing, as this worker sees it."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.routing.doubts import routing_doubts
from llmproxy.application.routing.fleet import Condition, Fleet, State
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.routing import first_stated
from llmproxy.infra.controllers.admin.route import router
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.schemas.admin_routing import RoutingQuery, RoutingRow, RoutingRows

MAX_WARNINGS: Final = 100


def routing_routes(registry: Registry, fleet: Callable[[], Fleet]) -> APIRouter:
    """Return the route; it needs an admin key. `fleet` is asked for once the server serves."""
    routes = router()

    async def opened(request: Request) -> Fleet:
        registry.administrator(*credentials(request.scope))
        return fleet()

    @routes.get("/routing")
    async def show_routing(
        opened: Annotated[Fleet, Depends(opened)], query: Annotated[RoutingQuery, Query()]
    ) -> RoutingRows:
        """Show the state of each deployment: its breaker, rests, calls under way, latency."""
        snapshot = registry.snapshot
        conditions = {each.deployment: each for each in opened.conditions()}
        found = list(islice(_rows(snapshot, conditions, query), query.limit + 1))
        page = found[: query.limit]
        return RoutingRows(
            data=page,
            has_more=len(found) > query.limit,
            last_id=page[-1].deployment if page else None,
            warnings=await routing_doubts(snapshot, MAX_WARNINGS),
        )

    return routes


def _rows(
    snapshot: Snapshot, conditions: dict[str, Condition], query: RoutingQuery
) -> Iterator[RoutingRow]:
    ids = sorted(snapshot.by_id)
    start = 0 if query.after is None else bisect_right(ids, query.after)
    for model_id in islice(ids, start, None):
        (deployment,) = snapshot.by_id[model_id]
        condition = conditions.get(model_id) or _never_asked(model_id)
        if query.name not in {None, model_id, deployment.model.code}:
            continue
        if query.state in {None, condition.state}:
            yield _row(snapshot, deployment, condition)


def _never_asked(model_id: str) -> Condition:
    return Condition(model_id, State.CLOSED, None, 0, None, None, None, 0.0, 0, 0, 0, 0)


def _row(snapshot: Snapshot, deployment: Deployment, condition: Condition) -> RoutingRow:
    model = deployment.model
    siblings = snapshot.by_code.get(model.code, ())
    shown = condition._asdict()
    del shown["deployment"]
    return RoutingRow(
        deployment=model.id,
        model=model.code,
        priority=model.priority,
        weight=model.weight,
        strategy=first_stated(each.model.routing for each in siblings).strategy,
        **shown,
    )
