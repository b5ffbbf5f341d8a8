"""The deployments of the model that a call is at, and how far the call has come among them."""

from collections.abc import Callable, Collection

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.steps.admission import Admission
from llmproxy.domain.routing import Cause


class Lanes:
    """A lane is a place in the plan; `lane` is the last one that was asked, or passed over.

    `resorts` is whether those that are unwell are asked too; else they are `left`.
    """

    __slots__ = (
        "_admission",
        "_clock",
        "_end",
        "_first",
        "_fleet",
        "lane",
        "left",
        "resorts",
    )

    def __init__(self, fleet: Fleet, clock: Clock, admission: Admission) -> None:
        self._fleet = fleet
        self._clock = clock
        self._admission = admission
        self._first = first = admission.reservation.lane
        self.lane = first - 1
        self._end = len(admission.plan)
        self.left = False
        # With nobody who is well those that stand in come first, where there are any.
        stands_in = Cause.ANY in admission.routing.fallbacks
        self.resorts = first >= admission.well and not (stands_in and not admission.well)

    def following(self, number: int, budget: Callable[[], bool]) -> int | None:
        """Return the lane that is next after `number` attempts of the call; None for none.

        Who is unwell is left for the last resort, but for one call now and then that finds out who
        has recovered. Asking one that is well costs nothing of the budget: breakers bound that.
        After the first failover asking others does.
        """
        lane = self.lane + 1
        if not number and (lane < self._admission.well or self.resorts):
            return lane if lane < self._end else None
        plan = self._admission.plan
        asked = {attempt.deployment for attempt in self._admission.attempts}
        for lane in range(self.lane + 1, self._end):
            deployment = plan[lane]
            if deployment.model.id in asked:
                continue
            if self._is_well(lane, deployment):
                return lane
            if self.resorts and (number == 1 or budget()):
                return lane
        if not self.resorts:
            return self._early(asked)
        self.lane = self._end
        return None

    def _early(self, asked: Collection[str]) -> int | None:
        """Return one that is unwell and tried before its time; None leaves all for later."""
        now = self._clock.monotonic()
        for lane in range(self._first, self._end):
            deployment = self._admission.plan[lane]
            if deployment.model.id not in asked:
                if self._fleet.health(deployment).takes_early(now):
                    return lane
                self.left = True
        self.lane = self._end
        return None

    def _is_well(self, lane: int, deployment: Deployment) -> bool:
        """Whether it is well now; one that was unwell at the admission may have recovered since."""
        health = self._fleet.health(deployment)
        if not health.ill:
            return True
        well = self._admission.well
        return lane < well and health.fit(self._clock.monotonic(), counted=False)

    def on_trial(self) -> bool:
        """Whether another call tries one right now that this one has not asked."""
        now = self._clock.monotonic()
        asked = {attempt.deployment for attempt in self._admission.attempts}
        return any(
            self._fleet.health(each).on_trial(now)
            for each in self._admission.plan
            if each.model.id not in asked
        )

    def begin(self, *, resorts: bool, switched: bool) -> None:
        """Begin at the front: of another plan, where the call has switched to it."""
        admission = self._admission
        if switched:
            self._first = admission.reservation.lane
        self.lane = self._first - 1
        self.resorts = resorts or not admission.well
        self._end = len(admission.plan)

    def look_again(self) -> None:
        """Begin at the front, for those alone that are well by now."""
        self.lane = self._first - 1
        self.resorts = False

    def end_here(self) -> None:
        """Ask no other one of these."""
        self._end = self.lane + 1

    def beside(self) -> int | None:
        """Return one that may be asked beside the present one: well, not asked yet, paid alike."""
        plan = self._admission.plan
        asked = {attempt.deployment for attempt in self._admission.attempts}
        currency = currency_of(plan[self.lane])
        for lane in range(self.lane + 1, min(self._end, self._admission.well)):
            other = plan[lane]
            if other.model.id in asked or currency_of(other) != currency:
                continue
            if self._is_well(lane, other):
                return lane
        return None


def currency_of(deployment: Deployment) -> str | None:
    """Return what a deployment's price is in; None for one that is free or has none."""
    price = deployment.model.price
    return None if price is None or price.free else price.currency
