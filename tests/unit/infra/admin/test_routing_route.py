"""How deployments are doing, over HTTP."""

from typing import Any

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.fleet import Fleet
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import Broken
from llmproxy.infra.controllers.admin.routes import admin_routes
from llmproxy.infra.controllers.admin.routing import routing_routes
from llmproxy.infra.controllers.control_plane import control_plane
from tests.fakes.documents import document
from tests.unit.infra.admin.asking import PLAIN_KEY, Desk

pytestmark = pytest.mark.asyncio


class RoutingDesk(Desk):
    """Three deployments of two models, of which one has failed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        clock = self.office.clock
        self.fleet = Fleet(clock, lambda: 0.0)
        routes = routing_routes(self.registry, lambda: self.fleet)
        self.app = control_plane(
            admin_routes(self.registry, self.office.administration, clock, routes)
        )
        self.deployments = (
            _deployment(id="b", routing={"strategy": "cheapest"}, fallbacks=["gone", "c"]),
            _deployment(id="a", priority=1, weight=2, routing={"strategy": "weighted"}),
            _deployment(id="c", code="other"),
        )
        self.install(deployments=self.deployments)
        health = self.fleet.health(self.deployments[1])
        for _ in range(5):
            health.failed(Broken("x"), counts=True, era=health.began())
        answered = self.fleet.health(self.deployments[2])
        answered.answered(0.5, answered.began())
        answered.began()


def _deployment(**fields: Any) -> Deployment:  # noqa: ANN401
    return Deployment(parse_model(document(**fields)).model, None, None)


@pytest.fixture(name="desk")
def _desk() -> RoutingDesk:
    return RoutingDesk()


async def test_each_deployment_is_shown(desk: RoutingDesk) -> None:
    """By id, with its state, whether it was ever asked or not."""
    answer = await desk.ask("GET", "/admin/routing")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    a, b, c = answer.json["data"]
    assert a == {
        "deployment": "a", "model": "mini", "priority": 1, "weight": 2.0, "strategy": "cheapest",
        "state": "open", "until": desk.office.clock.now() + 5, "outstanding": 0,
        "latency_s": None, "p95_s": None, "load_percent": None, "moved_share": 0.0,
        "answers": 0, "failures": 5, "refusals": 0, "openings": 1,
    }  # fmt: skip
    assert (b["deployment"], b["state"], b["until"], b["answers"]) == ("b", "closed", None, 0)
    assert (c["deployment"], c["latency_s"], c["outstanding"], c["answers"]) == ("c", 0.5, 1, 1)


async def test_contradictions_are_named(desk: RoutingDesk) -> None:
    """And fallbacks that nobody can fall back to."""
    assert (await desk.ask("GET", "/admin/routing")).json["warnings"] == [
        "a: says another routing of the model mini than b, which was registered before and stands",
        "mini: its fallback gone is no model",
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [("name=mini", "ab"), ("name=c", "c"), ("state=open", "a"), ("state=resting", ""),
     ("limit=2", "ab"), ("after=a&limit=1", "b"), ("name=mini&after=a", "b")],
)  # fmt: skip
async def test_some_are_asked_for(desk: RoutingDesk, query: str, ids: str) -> None:
    """By model, by state and in pages."""
    found = (await desk.ask("GET", f"/admin/routing?{query}")).json
    assert [row["deployment"] for row in found["data"]] == list(ids)
    assert found["last_id"] == (ids[-1] if ids else None)
    assert found["has_more"] is ("limit" in query)


async def test_only_administrators_see_it(desk: RoutingDesk) -> None:
    """And a state that there is not is named."""
    assert (await desk.ask("GET", "/admin/routing", key=PLAIN_KEY)).status == 403
    assert (await desk.ask("GET", "/admin/routing", key=None)).status == 401
    wrong = await desk.ask("GET", "/admin/routing?state=ill")
    assert (wrong.status, wrong.error["param"]) == (400, "state")
