"""Fleets and plans for tests."""

from collections import Counter

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.fleet import Fleet, Ordered, Plan
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import Broken, Busy
from llmproxy.domain.routing import Routing, first_stated
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document
from tests.fakes.upstream import FakeBody, call

FAILURES = 5
"""In a row, which open a breaker."""


def plan_of(**documents: dict[str, object]) -> Plan:
    """Deployments by id, with what their documents say beside."""
    models = [parse_model(document(id=name, **said)).model for name, said in documents.items()]
    return tuple([Deployment(model, None, None) for model in models])


class Stage:
    """A fleet whose time stands still, and calls for it."""

    def __init__(self, plan: Plan = (), jitter: float = 0.0) -> None:
        self.clock = FakeClock()
        self.fleet = Fleet(self.clock, lambda: jitter)
        self.plan = plan

    def call(self, **fields: str) -> Call:
        """A call with these fields of its body, as JSON texts."""
        return call(
            self.clock, body=FakeBody({name: text.encode() for name, text in fields.items()})
        )

    def ordered(self, asked: Call, plan: Plan | None = None) -> Ordered:
        """The order of a call; its turn is taken."""
        chosen = self.plan if plan is None else plan
        return self.fleet.order(chosen, asked, self.fleet.rota(chosen, routing_of(chosen)))

    def looked(self, asked: Call) -> Ordered:
        """The same without taking a turn."""
        rota = self.fleet.rota(self.plan, routing_of(self.plan))
        return self.fleet.look(self.plan, asked, rota)

    def order(self, **fields: str) -> tuple[str, ...]:
        """The ids in the order of the next call."""
        return ids(self.ordered(self.call(**fields)).plan)

    def well(self) -> tuple[str, ...]:
        """The ids of those that are well, in the order of the next call."""
        plan, number = self.ordered(self.call())
        return ids(plan[:number])

    def firsts(self, calls: int, **fields: str) -> Counter[str]:
        """How often each comes first."""
        return Counter(self.order(**fields)[0] for _ in range(calls))

    def at(self, name: str) -> Deployment:
        """The deployment with this id."""
        return next(each for each in self.plan if each.model.id == name)

    def answer(self, name: str, first_s: float = 1.0) -> None:
        """Let a deployment answer a call."""
        health = self.fleet.health(self.at(name))
        health.answered(first_s, health.began())

    def fail(self, name: str, times: int = FAILURES) -> None:
        """Let a deployment fail so often."""
        health = self.fleet.health(self.at(name))
        for _ in range(times):
            health.failed(Broken("It failed."), counts=True, era=health.began())

    def limit(self, name: str, retry_after_s: float | None) -> None:
        """Let a deployment refuse a call because of its provider's limit."""
        health = self.fleet.health(self.at(name))
        busy = Busy("Too many.", retry_after_s=retry_after_s)
        health.failed(busy, counts=True, era=health.began())


def routing_of(plan: Plan) -> Routing:
    """What the first of these says that says anything."""
    return first_stated(each.model.routing for each in plan)


def ids(plan: Plan) -> tuple[str, ...]:
    """The ids of deployments."""
    return tuple([each.model.id for each in plan])
