"""Models that may serve in place of another: what its document calls `fallbacks`."""

from dataclasses import replace
from typing import NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.limiter import Scope
from llmproxy.application.registry import Registry
from llmproxy.application.routing.plan import Plan
from llmproxy.application.steps.plan import plan_of
from llmproxy.application.steps.plan_facts import PlanFacts
from llmproxy.domain.errors import GatewayError, OwnFault
from llmproxy.domain.routing import PLAIN, Cause, Routing


class Found(NamedTuple):
    """Who may serve a call: the name of the model, its deployments, and what limits them.

    `routing` is that of the model that was asked for, where another stands in for it.
    """

    model: str
    plan: Plan
    scopes: tuple[Scope, ...]
    routing: Routing | None = None


class StandIn(NamedTuple):
    """A model that is asked after such a failure; `refusal` is why this call may not use it."""

    cause: Cause
    model: str
    plan: Plan
    refusal: GatewayError | None


def found_for(registry: Registry, call: Call, known: PlanFacts | None = None) -> Found:
    """Return the plan of a call's model; where none of it is ready, that of one that stands in.

    Raises what the call is to be refused with.
    """
    try:
        return Found(call.model, *plan_of(registry, call, known))
    except OwnFault:
        routing = _routing(registry, call)
        for name in routing.fallbacks.get(Cause.ANY, ()):
            try:
                return Found(name, *plan_of(registry, replace(call, model=name)), routing)
            except GatewayError:
                continue  # what is told is the fault of the model that was asked for
        raise


def _routing(registry: Registry, call: Call) -> Routing:
    """Return how a call's model is routed; plain for one that is bound to its deployment."""
    known = registry.candidates(call.model, call.caller, call.operation)
    by_code = call.previous is None and known[0].model.code == call.model
    return registry.routing(call.model) if by_code else PLAIN


def stand_ins(registry: Registry, call: Call) -> tuple[StandIn, ...]:
    """Return all that are named for the call's model, in the order in which they are asked.

    Raises GatewayError for a model that does not exist for this caller.
    """
    routing = _routing(registry, call)
    found = []
    for cause, names in routing.fallbacks.items():
        for name in names:
            plan: Plan = ()
            refusal = None
            try:
                plan, _ = plan_of(registry, replace(call, model=name))
            except GatewayError as error:
                refusal = error
            found.append(StandIn(cause, name, plan, refusal))
    return tuple(found)
