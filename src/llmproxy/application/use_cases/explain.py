"""What would become of a call, without calling anyone.

Nothing is reserved, journalled or sent, and no turn among deployments is taken.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.limiter import (
    Limit,
    Limiter,
    Reservation,
    Scope,
    Standing,
)
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.routing.plan import Ordered, Plan
from llmproxy.application.routing.ward import State
from llmproxy.application.snapshot import may_use
from llmproxy.application.steps.admission import not_ready
from llmproxy.application.steps.admit import reservation_of, uncountable
from llmproxy.application.steps.bound import Bound, bound_of
from llmproxy.application.steps.causes import weightier
from llmproxy.application.steps.plan import reason_against
from llmproxy.application.steps.stand_ins import StandIn, found_for, stand_ins
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import GatewayError, OperationNotSupported, Unavailable
from llmproxy.domain.usage import Usage

LIKELY_OUTPUT_TOKENS: Final = 512
"""What an answer is taken to hold for a likely cost, some 400 words: nobody knows it before."""
MAX_CANDIDATES: Final = 16
"""Whoever stands behind these in the order is not looked at: so many failures in a row are rare."""
MODEL: Final = "model"
LIMIT: Final = "limit"
ADAPTER: Final = "adapter"


class Cost(NamedTuple):
    """What the call costs at one deployment, in nano-units of the currency."""

    currency: str
    at_most_nano: int
    likely_nano: int


class Candidate(NamedTuple):
    """A deployment that would be tried. `rendered` is None where nothing is sent.

    So it is with a reason why its adapter `refuses` the call. One that is not well is the last
    resort: behind the models that stand in.
    """

    deployment: Deployment
    rendered: Rendered | None
    refuses: GatewayError | None
    cost: Cost
    well: bool
    state: State


class LeftOut(NamedTuple):
    """A deployment of this name that would not be tried, and why, in a word and a sentence."""

    deployment: Deployment
    code: str
    reason: str


class Refusal(NamedTuple):
    """What the caller would be answered instead, and who refuses: the words above."""

    by: str
    error: GatewayError


class Explanation(NamedTuple):
    """`candidates` are in the order in which the next call would try them.

    `serves` is the first one that takes the call; `further` is how many more would be tried, which
    were not looked at. `prompt_tokens` and `output_tokens` are upper bounds, of all answers
    together; `likely` is what the call is likely to use. `stand_ins` are the models that would be
    asked after such a failure.
    """

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    serves: Deployment | None
    refused: Refusal | None
    reservation: Reservation | None
    prompt_tokens: int
    output_tokens: int
    likely: Usage
    limits: tuple[Limit, ...]
    further: int = 0
    stand_ins: tuple[StandIn, ...] = ()


class Explain:
    """admit → dispatch, looked at from outside: by the same functions, without their effects."""

    def __init__(
        self,
        registry: Registry,
        limiter: Limiter,
        fleet: Fleet,
        countable: Callable[[], bool] = lambda: True,
    ) -> None:
        self._registry = registry
        self._limiter = limiter
        self._fleet = fleet
        self._countable = countable

    async def __call__(self, call: Call, *, streamed: bool) -> Explanation:
        """Explain a call whose answer is wanted in events, or as bytes (`streamed`), or in one.

        A refusal is an explanation too: nothing is raised for it.
        """
        refused = None
        plan: Plan = ()
        scopes: tuple[Scope, ...] = ()
        well = 0
        try:
            _, plan, scopes, _ = found_for(self._registry, call)
        except GatewayError as error:
            refused = Refusal(MODEL, error)
        else:
            routing = self._registry.routing(plan[0].model.code)
            plan, well = self._fleet.look(plan, call, self._fleet.rota(plan, routing))
        candidates = await self._candidates(Ordered(plan, well), call, streamed=streamed)
        most = bound_of(call, plan)
        reservation = reservation_of(call, plan, scopes, most) if plan else None
        limits: tuple[Limit, ...] = ()
        if reservation is not None:
            limits, refusal = await self._standing(reservation)
            refused = None if refusal is None else Refusal(LIMIT, refusal)
        serves, failure = _outcome(candidates)
        if refused is None and failure is not None:
            refused = Refusal(ADAPTER, failure)
        return Explanation(
            candidates,
            tuple(self._left_out(call, plan)),
            serves if refused is None else None,
            refused,
            reservation,
            most.tokens - most.output_tokens,
            most.output_tokens,
            _likely(call, most),
            limits,
            len(plan) - len(candidates),
            self._stand_ins(call),
        )

    async def _candidates(
        self, ordered: Ordered, call: Call, *, streamed: bool
    ) -> tuple[Candidate, ...]:
        found = []
        for place, each in enumerate(ordered.plan[:MAX_CANDIDATES]):
            look = await _look(each, call, streamed=streamed)
            state = self._fleet.state(each)
            found.append(Candidate(each, *look, _cost(each, call), place < ordered.well, state))
            await asyncio.sleep(0)  # requests that are served have their turn in between
        return tuple(found)

    def _stand_ins(self, call: Call) -> tuple[StandIn, ...]:
        try:
            return stand_ins(self._registry, call)
        except GatewayError:
            return ()  # there is no such model: what refuses the call says so

    async def _standing(self, reservation: Reservation) -> Standing:
        if (reservation.scopes or reservation.lanes) and not self._countable():
            return Standing((), uncountable())
        try:
            return await self._limiter.standing(reservation)
        except Unavailable as error:
            return Standing((), error)

    def _left_out(self, call: Call, plan: Plan) -> list[LeftOut]:
        snapshot = self._registry.snapshot
        used = {each.model.id for each in plan}
        named = snapshot.by_code.get(call.model, ())
        if not any(may_use(call.caller, each) for each in named):
            known = {each.model.id for each in named}
            by_id = snapshot.by_id.get(call.model, ())
            named = (*named, *(each for each in by_id if each.model.id not in known))
        return [_left_out(each, call) for each in named if each.model.id not in used]


Look = tuple[Rendered | None, GatewayError | None]


async def _look(deployment: Deployment, call: Call, *, streamed: bool) -> Look:
    rendered = refuses = None
    try:
        port = deployment.streaming if streamed else deployment.answering
        if port is None or deployment.rendering is None:
            raise not_ready(deployment)
        rendered = await deployment.rendering.render(call)
    except GatewayError as error:
        refuses = error
    return rendered, refuses


def _outcome(candidates: tuple[Candidate, ...]) -> tuple[Deployment | None, GatewayError | None]:
    """Return who takes the call, else with what it fails, as the road would say it."""
    failure: GatewayError | None = None
    for each in candidates:
        if each.refuses is None:
            return each.deployment, None
        failure = weightier(failure, each.refuses)
    return None, failure


def _left_out(deployment: Deployment, call: Call) -> LeftOut:
    model = deployment.model
    if not may_use(call.caller, deployment):
        return LeftOut(deployment, "not_visible", _why_hidden(deployment, call.caller))
    if not model.offers(call.operation):
        code = OperationNotSupported.default_code or ""
        return LeftOut(deployment, code, f"its document does not offer `{call.operation}`")
    error = reason_against(deployment, call)
    if error is None:
        reason = "another deployment made the response that this request goes on from"
        return LeftOut(deployment, "previous_response_elsewhere", reason)
    return LeftOut(deployment, error.code or "invalid_request", error.detail or error.message)


def _why_hidden(deployment: Deployment, caller: Caller) -> str:
    model = deployment.model
    if model.private and not model.visible_to(caller.project):
        projects = ", ".join(sorted(model.projects)) or "nobody"
        return f"it is private to {projects}"
    return "the key may not use it"


def _likely(call: Call, most: Bound) -> Usage:
    if call.counted is not None:
        return call.counted
    return Usage(
        input_tokens=most.likely_prompt_tokens,
        output_tokens=min(most.output_tokens, call.choices * LIKELY_OUTPUT_TOKENS),
        estimated=True,
    )


def _cost(deployment: Deployment, call: Call) -> Cost:
    price = deployment.model.price
    if price is None:
        raise TypeError("the gate lets no deployment without a price pass")
    most = bound_of(call, (deployment,))
    likely = _likely(call, most)
    if call.counted is not None:
        likely = price.completed(likely, likely)
    return Cost(price.currency, most.cost_nano, price.cost_nano(likely))
