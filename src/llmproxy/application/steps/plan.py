"""Which deployments may serve a call, and what limits it."""

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.limiter import Scope
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.routing.plan import Plan
from llmproxy.application.steps.admission import not_ready
from llmproxy.application.steps.plan_facts import PlanFacts
from llmproxy.domain.errors import GatewayError, InvalidRequest, PriceMissing
from llmproxy.domain.limit_words import currency_refusal
from llmproxy.domain.pricing import UNPRICED


def plan_of(
    registry: Registry, call: Call, known: PlanFacts | None = None
) -> tuple[Plan, tuple[Scope, ...]]:
    """Return the deployments that a call may use, and what limits it beside their own limits.

    Raises what the call is to be refused with. `known` spares looking at each again.
    """
    plan = registry.candidates(call.model, call.caller, call.operation)
    sure = None
    if call.previous is not None:
        plan = able(maker_of(call.previous, plan, call.model), call)
    else:
        sure = None if known is None else known.of(plan, call.operation, registry.snapshot).sure
        plan = able(plan, call) if sure is None else sure
    scopes = registry.scopes(call.caller, plan[0].model.code)
    if not scopes:
        return plan, scopes
    if sure is None or known is None:
        return payable(plan, scopes), scopes
    return known.paid(plan, scopes, payable), scopes


def payable(plan: Plan, scopes: tuple[Scope, ...]) -> Plan:
    """Return the deployments whose currency is that of every budget. Raises Forbidden for none."""
    for scope in scopes:
        currency = scope.limits.currency
        left = tuple([each for each in plan if _in_currency(each, currency)])
        if len(left) == len(plan) or not scope.limits.counts_cost:
            continue
        if not left:
            raise currency_refusal(scope.kind, currency, plan[0].model.code)
        plan = left
    return plan


def _in_currency(deployment: Deployment, currency: str) -> bool:
    price = deployment.model.price
    return price is None or price.free or price.currency == currency


def able(plan: Plan, call: Call) -> Plan:
    """Return the deployments that can serve this call.

    One that cannot does not stand in the way of another. Raises the first one's reason when none
    is left.
    """
    reasons = [reason for each in plan if (reason := reason_against(each, call)) is not None]
    if not reasons:
        return plan
    if len(reasons) == len(plan):
        raise reasons[0]
    return tuple([each for each in plan if reason_against(each, call) is None])


def reason_against(deployment: Deployment, call: Call) -> GatewayError | None:
    """Return why a deployment that offers the operation cannot serve this call, None if it can."""
    model = deployment.model
    if model.parameters.enable_tools is False and "tools" in call.body.fields:
        return InvalidRequest(
            f"The model `{call.model}` does not accept tools.",
            param="tools",
            hint="Its document says `enable_tools: false`.",
        )
    if model.price is None:
        needed = UNPRICED.missing_for(call.operation) or "costs"
        return PriceMissing(
            f"The model `{call.model}` has no price.",
            param="model",
            hint=f'Its document needs {needed}, or `"free": true`.',
        )
    missing = model.price.missing_for(call.operation)
    if missing is not None:
        return PriceMissing(
            f"The model `{call.model}` has no price for the operation `{call.operation}`.",
            param="model",
            hint=f"Its document needs {missing}.",
        )
    return None if deployment.not_ready is None else not_ready(deployment)


def maker_of(previous: Origin, plan: Plan, model: str) -> Plan:
    """Return the one deployment that knows the response a request goes on from.

    Raises InvalidRequest when it is not among these.
    """
    maker = tuple([each for each in plan if each.model.id == previous.deployment])
    if not maker:
        raise InvalidRequest(
            f"The previous response '{previous.shown}' was not made by the model `{model}`.",
            param="previous_response_id",
            code="previous_response_not_found",
            hint="Ask the model that made it, or send the earlier items in `input`.",
        )
    return maker
