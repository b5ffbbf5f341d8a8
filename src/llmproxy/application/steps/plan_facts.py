"""What holds of a plan whatever is asked: worked out once, since many calls have the same plan."""

from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.steps.admission import Plan
from llmproxy.domain.operation import Operation

MAX_KNOWN: Final = 4096
"""As many as the registry remembers plans."""


class Facts(NamedTuple):
    """What is known of one plan.

    `able`: each of it can serve any call of the operation. `distinct` are those of which no two
    have the same price and bounds: what a call can cost at most is decided among them.
    """

    plan: Plan
    able: bool
    distinct: Plan


class PlanFacts:
    """Remembers them for the plans of one snapshot."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[int, Operation], Facts] = {}

    def forget(self, _: Snapshot) -> None:
        """Hold nothing any more: there is another snapshot."""
        self._known.clear()
        self._snapshot = None

    def find(self, plan: Plan, operation: Operation) -> Facts | None:
        """Return the facts of a plan that `of` was asked for, None for any other."""
        return self._known.get((id(plan), operation))

    def of(self, plan: Plan, operation: Operation, snapshot: Snapshot) -> Facts:
        """Return the facts of a plan that was made of this snapshot."""
        if snapshot is not self._snapshot or len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._snapshot = snapshot
        # What is remembered holds the plan, so that no other can get its `id`.
        facts = self._known.get((id(plan), operation))
        if facts is None:
            facts = self._known[id(plan), operation] = _facts(plan, operation)
        return facts


def _facts(plan: Plan, operation: Operation) -> Facts:
    able = all(_is_able(each, operation) for each in plan)
    distinct: list[tuple[object, ...]] = []
    kept = []
    for each in plan:
        parameters = each.model.parameters
        bounds = (
            each.model.price,
            parameters.max_output_tokens,
            parameters.request_defaults.get("max_tokens"),
        )
        if bounds not in distinct:
            distinct.append(bounds)
            kept.append(each)
    return Facts(plan, able, tuple(kept))


def _is_able(deployment: Deployment, operation: Operation) -> bool:
    """Whether nothing can stand against it: what `steps.plan.reason_against` looks at, and more."""
    model = deployment.model
    if model.parameters.enable_tools is False or deployment.not_ready is not None:
        return False
    return model.price is not None and model.price.missing_for(operation) is None
