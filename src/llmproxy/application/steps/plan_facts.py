"""What holds of a plan whatever is asked: worked out once, since many calls have the same plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from llmproxy.application.interfaces.limiter import Scope
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.plan import Plan
from llmproxy.application.routing.rota import Rota
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.operation import Operation
from llmproxy.domain.routing import Routing

Scopes = tuple[Scope, ...]
MAX_KNOWN: Final = 4096
"""As many as the registry remembers plans."""


@dataclass(slots=True)
class Facts:
    """What is known of one plan.

    `sure` are those of it that can serve any call of the operation, where no other one can serve
    some; None where that is to be looked at for each call. `distinct` are those of them of which no
    two have the same price and bounds: what a call can cost at most is decided there. `limited` is
    whether any of them has limits of its own.

    `routing` is that of their model and `rota` their turns, where they are several: of those of the
    plan that can serve a call. Both are filled in by the first call that is let through.
    """

    plan: Plan
    sure: Plan | None
    distinct: Plan
    limited: bool
    routing: Routing | None = None
    rota: Rota | None = None


class PlanFacts:
    """Remembers them for the plans of one snapshot."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[int, Operation], Facts] = {}
        self._paid: dict[tuple[int, int], tuple[Plan, Plan, Scopes]] = {}

    def forget(self, _: Snapshot) -> None:
        """Hold nothing any more: there is another snapshot."""
        self._known.clear()
        self._paid.clear()
        self._snapshot = None

    def find(self, plan: Plan, operation: Operation) -> Facts | None:
        """Return the facts of a plan that `of` was asked for, None for any other."""
        return self._known.get((id(plan), operation))

    def paid(self, plan: Plan, scopes: Scopes, look: Callable[[Plan, Scopes], Plan]) -> Plan:
        """Return what `look` finds of a plan that `of` was asked for. Raises what it raises."""
        place = (id(plan), id(scopes))
        found = self._paid.get(place)
        if found is None:
            if len(self._paid) >= MAX_KNOWN:
                self._paid.clear()
            # It holds both, so that nothing else can get their `id`.
            found = self._paid[place] = (look(plan, scopes), plan, scopes)
        return found[0]

    def of(self, plan: Plan, operation: Operation, snapshot: Snapshot) -> Facts:
        """Return the facts of a plan that was made of this snapshot."""
        if snapshot is not self._snapshot or len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._paid.clear()
            self._snapshot = snapshot
        # What is remembered holds the plan, so that no other can get its `id`.
        facts = self._known.get((id(plan), operation))
        if facts is None:
            facts = self._known[id(plan), operation] = _facts(plan, operation)
            if facts.sure is not None:
                self._known[id(facts.sure), operation] = facts
        return facts


def _facts(plan: Plan, operation: Operation) -> Facts:
    able = tuple([each for each in plan if _may_be_able(each, operation)])
    picky = any(each.model.parameters.enable_tools is False for each in able)
    sure = None if picky or not able else plan if len(able) == len(plan) else able
    distinct: list[tuple[object, ...]] = []
    kept = []
    for each in sure or plan:
        parameters = each.model.parameters
        bounds = (
            each.model.price,
            parameters.max_output_tokens,
            parameters.request_defaults.get("max_tokens"),
        )
        if bounds not in distinct:
            distinct.append(bounds)
            kept.append(each)
    limited = any(each.scope is not None for each in plan)
    return Facts(plan, sure, tuple(kept), limited)


def _may_be_able(deployment: Deployment, operation: Operation) -> bool:
    """Whether it can serve some call: what `steps.plan.reason_against` looks at beside the call."""
    price = deployment.model.price
    if deployment.not_ready is not None or price is None:
        return False
    return price.missing_for(operation) is None
