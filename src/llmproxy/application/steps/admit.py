"""Gate: the model is visible, offers the operation, can be called and has a price.

The most it can cost is reserved and journalled.
"""

from dataclasses import dataclass, field

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Attempt, Journal, Opened
from llmproxy.application.interfaces.limiter import Limiter, Reservation
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.domain.errors import GatewayError, InvalidRequest, OwnFault, PriceMissing
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint

ASSUMED_OUTPUT_TOKENS = 16_384
"""The most an answer is taken to hold when neither request nor document sets a bound."""
COMPLETION_TOKENS = 16
"""OpenAI's default of `max_tokens` for completions of the older kind (CreateCompletionRequest)."""


@dataclass(slots=True)
class Admission:
    """A call that passed the gate, with what it may use and what is held until it is settled."""

    call: Call
    plan: tuple[Deployment, ...]
    reservation: Reservation
    attempts: list[Attempt] = field(default_factory=list)
    first_content_at: float | None = None
    settled: bool = False


class Admit:
    """Let a call through or refuse it; nothing is held and nothing is written for a refused one."""

    def __init__(
        self, registry: Registry, limiter: Limiter, journal: Journal, clock: Clock
    ) -> None:
        self._registry = registry
        self._limiter = limiter
        self._journal = journal
        self._clock = clock

    async def __call__(self, call: Call) -> Admission:
        """Return the admission.

        Raises CallerError, RateLimited, BudgetSpent, Unavailable, or OwnFault for a model that is
        not ready.
        """
        plan = self._registry.candidates(call.model, call.caller, call.operation)
        if call.previous is not None:
            plan = maker_of(call.previous, plan, call.model)
        plan = able(plan, call)
        reservation = reservation_of(call, plan)
        await self._limiter.reserve(reservation)
        try:
            self._journal.opened(
                Opened(
                    call.request_id,
                    self._clock.now(),
                    call.caller.key_id,
                    call.caller.project or call.caller.tag,
                    reservation.model,
                    call.operation,
                    reservation.cost_nano,
                    reservation.currency,
                )
            )
        except BaseException:
            self._limiter.settle(reservation, cost_nano=0, tokens=0)
            raise
        return Admission(call, plan, reservation)


def able(plan: tuple[Deployment, ...], call: Call) -> tuple[Deployment, ...]:
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
        return PriceMissing(
            f"The model `{call.model}` has no price.",
            param="model",
            hint='Its document needs `costs` (such as `cost_input_1Mtokens`), or `"free": true`.',
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


def maker_of(previous: Origin, plan: tuple[Deployment, ...], model: str) -> tuple[Deployment, ...]:
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


def reservation_of(call: Call, plan: tuple[Deployment, ...]) -> Reservation:
    """Return the most that a call over these deployments can cost, and whose it is."""
    cost_nano = tokens = 0
    currency = ""
    for deployment in plan:
        model = deployment.model
        price = model.price
        if price is None:
            continue  # `able` has left none of these
        currency = price.currency
        bound = call.max_output_tokens
        if bound is None:
            bound = _assumed_output_tokens(call, model)
        output_tokens = call.choices * bound
        cost_nano = max(cost_nano, price.upper_bound_nano(call.prompt_bytes, output_tokens))
        tokens = max(tokens, call.prompt_bytes + output_tokens)
    caller = call.caller
    return Reservation(
        caller.key_id, caller.project, plan[0].model.code, currency, cost_nano, tokens
    )


def _assumed_output_tokens(call: Call, model: Model) -> int:
    parameters = model.parameters
    if parameters.max_output_tokens is not None:
        return parameters.max_output_tokens
    if call.endpoint is not Endpoint.COMPLETIONS:
        return ASSUMED_OUTPUT_TOKENS
    sent = parameters.request_defaults.get("max_tokens")
    return COMPLETION_TOKENS if sent is None else int(sent)
