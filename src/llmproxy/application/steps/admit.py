"""Gate: the model is visible, offers the operation, can be called and has a price.

The most it can cost is reserved and journalled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Attempt, Journal, Opened
from llmproxy.application.interfaces.limiter import NOTHING_USED, Limiter, Reservation, Scope
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.steps.bound import Bound, bound_of, prompt_estimate
from llmproxy.domain.errors import (
    BudgetSpent,
    GatewayError,
    InvalidRequest,
    OwnFault,
    PriceMissing,
    RateLimited,
    Unavailable,
)
from llmproxy.domain.limit_words import currency_refusal
from llmproxy.domain.pricing import UNPRICED

Plan = tuple[Deployment, ...]


@dataclass(slots=True)
class Admission:
    """A call that passed the gate, with what it may use and what is held until it is settled.

    `plan` is in the order in which it is asked; `reservation.lane` is where it begins.
    """

    call: Call
    plan: Plan
    reservation: Reservation
    attempts: list[Attempt] = field(default_factory=list)
    first_content_at: float | None = None
    settled: bool = False


class Admit:
    """Let a call through or refuse it; nothing is held and nothing is written for a refused one.

    `in_turn` puts a plan into the order of the next call. `countable` tells whether limits can hold
    now: not while other workers count by themselves. What is limited is refused then.
    """

    def __init__(
        self,
        registry: Registry,
        limiter: Limiter,
        journal: Journal,
        clock: Clock,
        in_turn: Callable[[Plan], Plan],
    ) -> None:
        self._registry = registry
        self._limiter = limiter
        self._journal = journal
        self._clock = clock
        self._in_turn = in_turn
        self.countable: Callable[[], bool] = lambda: True

    async def __call__(self, call: Call, only: Deployment | None = None) -> Admission:
        """Return the admission; with `only` this deployment is asked and no other.

        Raises CallerError, RateLimited, BudgetSpent, Unavailable, or OwnFault for a model that is
        not ready.
        """
        plan, scopes = plan_of(self._registry, call)
        if only is not None:
            plan = (only,)
        elif len(plan) > 1:
            plan = self._in_turn(plan)
        most = bound_of(call, plan)
        admission = await self._admit(call, plan, reservation_of(call, plan, scopes, most))
        reservation = admission.reservation
        try:
            self._journal.opened(_entry(admission, most.likely_prompt_tokens))
        except BaseException:
            self._limiter.settle(reservation, NOTHING_USED)
            raise
        return admission

    async def free(self, call: Call) -> Admission:
        """Admit a call that no provider is asked for: a request that uses nothing.

        It is journalled when it is settled, which is at once. Raises as above.
        """
        plan = self._registry.candidates(call.model, call.caller, call.operation)
        scopes = self._registry.scopes(call.caller, plan[0].model.code)
        price = plan[0].model.price
        caller = call.caller
        currency = "" if price is None else price.currency
        code = plan[0].model.code
        held = Reservation(caller.key_id, caller.project, code, currency, 0, 0, scopes)
        return await self._admit(call, plan, held)

    async def _admit(self, call: Call, plan: Plan, reservation: Reservation) -> Admission:
        if (reservation.scopes or reservation.lanes) and not self.countable():
            raise uncountable()
        reservation.at = self._clock.now()
        try:
            await self._limiter.reserve(reservation)
        except (RateLimited, BudgetSpent) as error:
            error.quota = reservation.quota
            raise
        return Admission(call, plan, reservation)


def uncountable() -> Unavailable:
    """Say that limits cannot hold now, because other workers count by themselves."""
    return Unavailable(
        "The limits of this key, project or model cannot be counted now.",
        code="limits_unenforceable",
        retry_after_s=30.0,
    )


def _entry(admission: Admission, likely_tokens: int) -> Opened:
    call, reservation = admission.call, admission.reservation
    model = admission.plan[reservation.lane].model
    nano = tokens = 0
    if model.price is not None:
        nano, tokens = prompt_estimate(call, model.price, likely_tokens)
    caller = call.caller
    return Opened(
        call.request_id,
        reservation.at,
        caller.key_id,
        caller.project or caller.tag,
        reservation.model,
        call.operation,
        model.id,
        reservation.cost_nano,
        nano,
        tokens,
        reservation.currency,
        call.tags,
    )


def plan_of(registry: Registry, call: Call) -> tuple[Plan, tuple[Scope, ...]]:
    """Return the deployments that a call may use, and what limits it beside their own limits.

    Raises what the call is to be refused with.
    """
    plan = registry.candidates(call.model, call.caller, call.operation)
    if call.previous is not None:
        plan = maker_of(call.previous, plan, call.model)
    plan = able(plan, call)
    scopes = registry.scopes(call.caller, plan[0].model.code)
    return payable(plan, scopes) if scopes else plan, scopes


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
    if model.parameters.enable_tools is False and call.body.value("tools") is not None:
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


def not_ready(deployment: Deployment) -> OwnFault:
    """Say that a registered model cannot be called now."""
    return OwnFault(
        f"The model `{deployment.model.code}` is not ready.",
        code="model_not_ready",
        hint="Its operator finds the reason at /health/ready and in the gateway's log.",
        detail=deployment.not_ready or "it offers no port for this flow",
    )


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


def reservation_of(call: Call, plan: Plan, scopes: tuple[Scope, ...], most: Bound) -> Reservation:
    """Return what is to be held of a call over these deployments: its bound, and what limits it."""
    lanes: tuple[Scope | None, ...] = ()
    for each in plan:
        if each.scope is not None:
            lanes = tuple([each.scope for each in plan])
            break
    caller = call.caller
    return Reservation(
        caller.key_id,
        caller.project,
        plan[0].model.code,
        most.currency,
        most.cost_nano,
        most.tokens,
        scopes,
        lanes,
    )
