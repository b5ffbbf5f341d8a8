"""All deployments: how they are doing, in which order they are asked, how often they are retried.

While all are well an order is the next turn of a cycle that is ready: see `Fleet.rota`.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.health import Health
from llmproxy.application.routing.plan import Ordered, Plan
from llmproxy.application.routing.ranking import seat_of
from llmproxy.application.routing.retry_budget import RetryBudget
from llmproxy.application.routing.rota import Rota
from llmproxy.application.routing.ward import Change, State, Ward
from llmproxy.domain.routing import Routing

__all__ = ["Change", "Condition", "Fleet", "Health", "Ordered", "Plan", "RetryBudget", "State"]

MAX_ROTAS: Final = 4096
"""Sets of deployments whose turns are remembered: as many as there are plans in the registry."""
_RANKS: Final[Mapping[State, int]] = {
    State.CLOSED: 0,
    State.SHEDDING: 0,
    State.HALF_OPEN: 1,
    State.RESTING: 2,
    State.OPEN: 3,
}
"""The last resort begins with those that are most likely to answer."""


class Condition(NamedTuple):
    """How a deployment is doing, for people. Times are seconds, `until` is in unix seconds."""

    deployment: str
    state: State
    until: float | None
    outstanding: int
    latency_s: float | None
    p95_s: float | None
    load_percent: float | None
    moved_share: float
    answers: int
    failures: int
    refusals: int
    openings: int


class Fleet:
    """`jitter` gives numbers from 0 to 1. `told` is called with what other workers should hear.

    `ward.unwell` is how many deployments there is a reason to look closer at before they are asked.
    """

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self.told: Callable[[Change], None] = _nobody
        self.ward = Ward(clock, jitter, self._tell)
        self._known: Container[str] = ()
        self._healths: dict[str, Health] = {}
        self._budgets: dict[str, RetryBudget] = {}
        self._retries = self._denied = 0
        self._rotas: dict[tuple[int, ...], Rota] = {}

    def rota(self, plan: Plan, routing: Routing) -> Rota | None:
        """Return the turns of these deployments; None for one alone, which needs none.

        `routing` is that of the plan's model in the present snapshot. All plans with the same
        deployments share their turns. Who keeps them asks anew with the next snapshot.
        """
        if len(plan) == 1:
            return None  # models are many
        key = (*[id(each) for each in plan], id(routing))
        rota = self._rotas.get(key)
        if rota is None:
            if len(self._rotas) >= MAX_ROTAS:
                self._rotas.clear()
            seats = tuple([seat_of(each, self.health(each)) for each in plan])
            rota = self._rotas[key] = Rota(seats, routing, self.ward)
        rota.used = True
        return rota

    def order(self, plan: Plan, call: Call, rota: Rota | None) -> Ordered:
        """Return the order in which this call asks the deployments of a plan; the turn is taken.

        `rota` is that of the plan. While nobody is unwell its own `order` says the same.
        """
        if rota is None:
            return self._alone(plan, counted=True)
        for _, health in rota.watched:
            if health.ill:
                return self._around(rota, call, counted=True)
        return rota.order(call)

    def look(self, plan: Plan, call: Call, rota: Rota | None) -> Ordered:
        """Return the order in which such a call would ask them now; no turn is taken."""
        if rota is None:
            return self._alone(plan, counted=False)
        return self._around(rota, call, counted=False)

    def _alone(self, plan: Plan, *, counted: bool) -> Ordered:
        """Say of a single deployment whether it is well."""
        health = self._healths.get(plan[0].model.id)
        if health is None or not health.ill:
            return Ordered(plan, 1)
        now = self._clock.monotonic()
        if not health.fit(now, counted=counted):
            return Ordered(plan, 0)
        if counted:
            health.offer(now)
        return Ordered(plan, 1)

    def _around(self, rota: Rota, call: Call, *, counted: bool) -> Ordered:
        """Put those that are unwell behind the others."""
        now = self._clock.monotonic()
        bits = 0
        for bit, health in rota.watched:
            if health.ill and not health.fit(now, counted=counted):
                bits |= bit
        if not bits:
            ordered = rota.order(call, counted=counted)
        elif bits == (1 << len(rota.seats)) - 1:
            return Ordered(_likely_first(rota, rota.order(call, counted=counted).plan, now), 0)
        else:
            others, unwell = rota.parted(bits)
            first = others.order(call, counted=counted)
            last = unwell.order(call, counted=counted).plan
            ordered = Ordered(first.plan + _likely_first(unwell, last, now), first.well)
        if counted:
            head = self._healths.get(ordered.plan[0].model.id)
            if head is not None and head.ill:
                head.offer(now)
        return ordered

    def health(self, deployment: Deployment) -> Health:
        """Return how a deployment is doing. A document that changes keeps its health.

        Unless its parameters change: then what is reached is not what was.
        """
        model = deployment.model
        health = self._healths.get(model.id)
        if health is not None and health.is_of(model, deployment.created):
            return health
        if health is not None:
            health.leave()
        health = self._healths[model.id] = Health(model.id, self.ward)
        health.is_of(model, deployment.created)
        return health

    def state(self, deployment: Deployment) -> State:
        """Return how a deployment is doing; one that was never asked is well."""
        health = self._healths.get(deployment.model.id)
        return State.CLOSED if health is None else health.state(self._clock.monotonic())

    def budget(self, code: str) -> RetryBudget:
        """Return what the calls for a model may retry."""
        budget = self._budgets.get(code)
        if budget is None:
            budget = self._budgets[code] = RetryBudget(self._clock.monotonic)
        return budget

    def keep(
        self, ids: Container[str], current: Callable[[Deployment], bool] = lambda _: True
    ) -> None:
        """Forget all but these documents: there is a new snapshot, with other plans.

        Nothing is held of deployments that are not `current`.
        """
        self._known = ids
        for identifier in [each for each in self._healths if each not in ids]:
            self._healths.pop(identifier).leave()
        for code in [code for code, budget in self._budgets.items() if budget.is_idle()]:
            budget = self._budgets.pop(code)
            self._retries += budget.taken
            self._denied += budget.denied
        # Deployments that are the same as before go on where they were in their turns.
        for key, rota in list(self._rotas.items()):
            if rota.used and all(current(seat.deployment) for seat in rota.seats):
                rota.used = False
            else:
                del self._rotas[key]

    def hear(self, change: Change) -> None:
        """Apply what another worker has found, without telling it again."""
        health = self._healths.get(change.deployment)
        if health is None:
            if change.deployment not in self._known:
                return
            health = self._healths[change.deployment] = Health(change.deployment, self.ward)
        health.hear(change)

    def _tell(self, change: Change) -> None:
        self.told(change)

    def conditions(self) -> list[Condition]:
        """Return how every deployment is doing that was ever asked."""
        now = self._clock.monotonic()
        ahead_s = self._clock.now() - now
        return [_condition(health, now, ahead_s) for health in self._healths.values()]

    def figures(self) -> dict[str, float]:
        """Return how many deployments are in which state, what is under way, and counts of all."""
        now = self._clock.monotonic()
        states = dict.fromkeys(State, 0)
        for health in self._healths.values():
            states[health.state(now)] += 1
        budgets = self._budgets.values()
        return {f"deployments_{state}": float(count) for state, count in states.items()} | {
            "outstanding": float(sum([each.outstanding for each in self._healths.values()])),
            "retries": float(self._retries + sum([each.taken for each in budgets])),
            "waiting": float(sum([each.waiting for each in budgets])),
            "retries_denied": float(self._denied + sum([each.denied for each in budgets])),
        }

    def figures_of_each(self) -> dict[str, dict[str, float]]:
        """Return figures of every deployment that was ever asked: by their names, then by its id.

        `well` is 1 while it is asked in its turn, `failing` while its breaker is not closed.
        """
        found: dict[str, dict[str, float]] = {}
        for each in self.conditions():
            for name, figure in _figures(each):
                if figure is not None:
                    found.setdefault(name, {})[each.deployment] = figure
        return found


def _figures(each: Condition) -> Iterator[tuple[str, float | None]]:
    yield "well", float(each.state is State.CLOSED)
    yield "failing", float(each.state in {State.OPEN, State.HALF_OPEN})
    yield "resting", float(each.state is State.RESTING)
    yield "moved_share", each.moved_share
    yield "outstanding", float(each.outstanding)
    yield "latency_seconds", each.latency_s
    yield "p95_seconds", each.p95_s
    yield "load_percent", each.load_percent
    yield "answers", float(each.answers)
    yield "failures", float(each.failures)
    yield "refusals", float(each.refusals)
    yield "openings", float(each.openings)


def _likely_first(rota: Rota, plan: Plan, now: float) -> Plan:
    """Put those first that are most likely to answer."""
    if len(plan) == 1:
        return plan
    ranks = {id(seat.deployment): _RANKS[seat.health.state(now)] for seat in rota.seats}
    return tuple(sorted(plan, key=lambda each: ranks[id(each)]))


def _condition(health: Health, now: float, ahead_s: float) -> Condition:
    until = health.until
    return Condition(
        health.id,
        health.state(now),
        None if until is None else until + ahead_s,
        health.outstanding,
        health.latency_s,
        health.p95_s,
        health.load_percent,
        health.moved_share(now),
        health.answers,
        health.failures,
        health.refusals,
        health.openings,
    )


def _nobody(change: Change) -> None:
    del change
