"""Gate: the model is visible, offers the operation, can be called and has a price.

The most it can cost is reserved and journalled.
"""

from collections.abc import Callable
from dataclasses import replace

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Journal, Opened
from llmproxy.application.interfaces.limiter import NOTHING_USED, Limiter, Reservation, Scope
from llmproxy.application.interfaces.meter import Meter
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.routing.plan import Plan
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.bound import Bound, bound_of, prompt_estimate
from llmproxy.application.steps.causes import limit_of
from llmproxy.application.steps.ground import Switching
from llmproxy.application.steps.plan import plan_of
from llmproxy.application.steps.plan_facts import Facts, PlanFacts
from llmproxy.application.steps.stand_ins import found_for
from llmproxy.domain.errors import BudgetSpent, GatewayError, RateLimited, Unavailable
from llmproxy.domain.routing import Routing


class Admit(Switching):
    """Let a call through or refuse it; nothing is held and nothing is written for a refused one.

    `fleet` puts a plan into the order of the next call. `countable` tells whether limits can hold
    now: not while other workers count by themselves. What is limited is refused then. `meter` is
    told of each call that ends here by a limit; `Settle` tells it of those that end later.
    """

    def __init__(
        self,
        registry: Registry,
        limiter: Limiter,
        journal: Journal,
        meter: Meter,
        clock: Clock,
        fleet: Fleet,
    ) -> None:
        self._registry = registry
        self._limiter = limiter
        self._journal = journal
        self._meter = meter
        self._clock = clock
        self._fleet = fleet
        self._ward = fleet.ward
        self._known = PlanFacts()
        registry.installed.append(self._known.forget)
        self.countable: Callable[[], bool] = lambda: True

    async def __call__(
        self, call: Call, only: Deployment | None = None, *, quietly: bool = False
    ) -> Admission:
        """Return the admission; with `only` this deployment is asked and no other.

        `quietly` leaves it to who asks whether a limit's refusal is the call's end: `refused`.
        Raises CallerError, RateLimited, BudgetSpent, Unavailable, or OwnFault for a model that is
        not ready, nor any that stands in for it.
        """
        well, facts = 1, None
        if only is None:
            model, plan, scopes, stands_in = found_for(self._registry, call, self._known)
            facts = self._known.find(plan, call.operation)
        else:
            model, plan, stands_in = call.model, (only,), None
            _, scopes = plan_of(self._registry, call, self._known)
        if facts is None:
            facts = Facts(plan, None, plan, limited=True)
        routing, rota = facts.routing or self._completed(facts, plan), facts.rota
        most = bound_of(call, facts.distinct)
        if only is None:
            if self._ward.unwell:
                plan, well = self._fleet.order(plan, call, rota)
            elif rota is not None:
                plan, well = rota.order(call)
        reservation = reservation_of(call, plan, scopes, most, limited=facts.limited)
        admission = await self._admit(call, plan, reservation, quietly=quietly)
        admission.model, admission.routing, admission.well = model, stands_in or routing, well
        try:
            self._journal.opened(_entry(admission, most.likely_prompt_tokens))
        except BaseException:
            self._limiter.settle(reservation, NOTHING_USED)
            raise
        return admission

    def _completed(self, facts: Facts, plan: Plan) -> Routing:
        """Fill in what their first call needs to know: how they are routed, and their turns."""
        routing = facts.routing = self._registry.routing(plan[0].model.code)
        facts.rota = self._fleet.rota(plan, routing)
        return routing

    async def free(self, call: Call, plan: Plan = ()) -> Admission:
        """Admit a call that no provider is asked for: a request that uses nothing.

        `plan` is what may serve it, where that was just looked up. It is journalled when it is
        settled, which is at once. Raises as above.
        """
        plan = plan or self._registry.candidates(call.model, call.caller, call.operation)
        scopes = self._registry.scopes(call.caller, plan[0].model.code)
        price = plan[0].model.price
        caller = call.caller
        currency = "" if price is None else price.currency
        code = plan[0].model.code
        held = Reservation(caller.key_id, caller.project, code, currency, 0, 0, scopes)
        return await self._admit(call, plan, held)

    async def switch(self, admission: Admission, code: str) -> None:
        """See the port."""
        call = replace(admission.call, model=code)
        plan, scopes = plan_of(self._registry, call)
        routing = self._registry.routing(plan[0].model.code)
        plan, well = self._fleet.order(plan, call, self._fleet.rota(plan, routing))
        if admission.held:
            admission.held = False
            self._limiter.settle(admission.reservation, NOTHING_USED)
        reservation = reservation_of(call, plan, scopes, bound_of(call, plan))
        admitted = await self._admit(call, plan, reservation, quietly=True)
        admission.plan, admission.reservation = admitted.plan, admitted.reservation
        admission.model, admission.well, admission.held = code, well, True

    def refused(self, error: GatewayError) -> None:
        """Count a refusal with which a call ends, if it is a limit's."""
        limit = limit_of(error)
        if limit is not None:
            self._meter.refused(*limit)

    async def _admit(
        self, call: Call, plan: Plan, reservation: Reservation, *, quietly: bool = False
    ) -> Admission:
        if (reservation.scopes or reservation.lanes) and not self.countable():
            raise uncountable()
        reservation.at = self._clock.now()
        try:
            await self._limiter.reserve(reservation)
        except (RateLimited, BudgetSpent) as error:
            error.quota = reservation.quota
            if not quietly:
                self.refused(error)
            raise
        return Admission(call, plan, reservation, at=reservation.at)


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


def reservation_of(
    call: Call, plan: Plan, scopes: tuple[Scope, ...], most: Bound, *, limited: bool = True
) -> Reservation:
    """Return what is to be held of a call over these deployments: its bound, and what limits it.

    `limited` is False where it is known that none of them has limits of its own.
    """
    lanes: tuple[Scope | None, ...] = ()
    if limited and any(each.scope is not None for each in plan):
        lanes = tuple([each.scope for each in plan])
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
