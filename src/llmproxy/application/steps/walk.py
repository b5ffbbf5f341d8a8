"""A call's way over the deployments of its model, and of the models that stand in for it.

Every failure before the first content comes here, and here alone it is decided who is asked next:

1. the deployments that are well, in their order;
2. the fallbacks that the model names for this kind of failure;
3. those that are not well (breaker open, resting, nearly full): better than no answer;
4. one of them again, after a pause, as far as the model's budget of retries goes;
5. one that another call tries right now, if that call finds it well: it is waited for.
"""

from typing import Final

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.retry_budget import MAX_WAITING, RetryBudget
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.asked import CANCELLED, CRASHED, Asked
from llmproxy.application.steps.causes import cause_of, weightier
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.lanes import Lanes
from llmproxy.application.steps.legs import Leg, Legs
from llmproxy.application.steps.retries import Retries
from llmproxy.domain.errors import CallerError, GatewayError, OwnFault, Refused, UpstreamError
from llmproxy.domain.frames import forget_frames

MAX_ATTEMPTS: Final = 16
FIRST_LOOK_S: Final = 0.05
LONGEST_LOOK_S: Final = 0.5
MAX_LOOKS: Final = 22
"""A call looks whether a trial by another one has ended, after pauses that double: for 10 s, as
long as a provider is waited for that asks for patience."""


class Walk:
    """Ask `next` for a deployment, ask it, and tell of the end by one of the other methods.

    `wait_s` is how long to wait where `next` returns None.
    """

    __slots__ = (
        "_admission",
        "_away",
        "_failure",
        "_gives_up_at",
        "_ground",
        "_lanes",
        "_legs",
        "_looks",
        "_number",
        "_retries",
        "_retry_budget",
        "_retry_lane",
        "asked",
        "deployment",
        "wait_s",
    )

    def __init__(self, ground: Ground, admission: Admission) -> None:
        self._ground = ground
        self._admission = admission
        self._lanes = Lanes(ground.fleet, ground.clock, admission)
        self._retry_budget: RetryBudget | None = None
        silence_s = admission.call.silence_s
        started_at = admission.call.started_at
        self._gives_up_at = None if silence_s is None else started_at + silence_s
        self._number = 0
        self._away = False
        self._looks = 0
        self._retries = Retries()
        self._retry_lane: int | None = None
        self._legs = Legs(admission)
        self._failure: GatewayError | None = None
        self.asked: Asked | None = None
        self.deployment: Deployment | None = None
        self.wait_s = 0.0

    async def next(self) -> Deployment | None:
        """Return who is asked now, its lane held; None: wait, then ask again.

        Raises the failure that the caller is told when nobody is left.
        """
        while True:
            if self._number and (self._number >= MAX_ATTEMPTS or self._too_late()):
                raise self._told()
            lane, self._retry_lane = self._retry_lane, None
            if lane is None:
                lane = self._lanes.following(self._number, self._budget)
            if lane is None:
                if await self._go_on():
                    continue
                return None
            deployment = await self._depart(lane)
            if deployment is not None:
                return deployment

    async def _depart(self, lane: int) -> Deployment | None:
        """Hold a lane and say that its deployment is asked; None when it cannot be."""
        admission, ground = self._admission, self._ground
        self._lanes.lane = lane
        deployment = self.deployment = admission.plan[lane]
        began = ground.clock.monotonic()
        reservation = admission.reservation
        if reservation.lanes and lane != reservation.lane:
            try:
                await ground.limiter.move(reservation, lane)
            except GatewayError as error:
                duration_s = ground.clock.monotonic() - began
                attempt = Attempt(deployment.model.id, error.code or "failed", duration_s)
                self._fail(error, attempt, began)
                return None
        if self._retry_budget is None:
            self._retry_budget = ground.fleet.budget(deployment.model.code)
            self._retry_budget.began()
        self.asked = self._ask(lane, reservation, began)
        return deployment

    def _ask(self, lane: int, reservation: Reservation, began: float) -> Asked:
        """Note that a deployment is asked, for which this is held."""
        admission = self._admission
        deployment = admission.plan[lane]
        self._number += 1
        asked = Asked(self._ground.fleet, deployment, lane, reservation, began)
        trace = admission.call.trace
        if trace is not None:
            asked.tried = trace.tried(deployment.model, began)
        return asked

    def _budget(self) -> bool:
        return self._retry_budget is not None and self._retry_budget.take()

    def _too_late(self, after_s: float = 0.0) -> bool:
        left_s = self.left_s
        return left_s is not None and left_s <= after_s

    async def _go_on(self) -> bool:
        """Begin the next leg; False: wait and ask `next` again. Raises when there is none."""
        cause = cause_of(self._failure)
        while (leg := self._legs.take(cause, unwell_left=self._lanes.left)) is not None:
            if await self._begin(leg):
                return True
        return self._again()

    async def _begin(self, leg: Leg) -> bool:
        """Go on with a model; False when the call may not use it."""
        admission = self._admission
        switched = not admission.held or leg.model != admission.model
        if switched:
            try:
                await self._ground.switching.switch(admission, leg.model)
            except GatewayError as error:
                self._failure = weightier(self._failure, error)
                forget_frames(error)
                return False
            self._away = not leg.unwell
        self._lanes.begin(resorts=leg.unwell, switched=switched)
        return True

    def _again(self) -> bool:
        """Prepare to ask one of them again; False: after a wait. Raises when that is no use."""
        again = None
        if self._admission.held and self._admission.plan:
            again = self._retries.choose(
                self._admission.plan,
                self._admission.routing.retries,
                self._ground.jitter,
                self._heard_at,
            )
        if again is None or self._too_late(again.pause_s) or not self._budget():
            return self._await_trial()
        self._retries.made += 1
        self._retry_lane, self.wait_s = again
        return False

    def _await_trial(self) -> bool:
        """Look at all of them anew in a moment. Raises when no other call tries one of them.

        It costs nothing of the budget: only one that was found well is asked then.
        """
        look_s = min(FIRST_LOOK_S * 2**self._looks, LONGEST_LOOK_S)
        budget = self._retry_budget
        crowded = budget is not None and budget.waiting >= MAX_WAITING
        ends = self._looks >= MAX_LOOKS or crowded or self._too_late(look_s)
        if ends or not self._lanes.on_trial():
            raise self._told()
        self._looks += 1
        self._lanes.look_again()
        self.wait_s = look_s
        return False

    def _heard_at(self, deployment: Deployment) -> float:
        return self._ground.fleet.health(deployment).heard_at

    def _told(self) -> GatewayError:
        return self._failure or OwnFault("No deployment is left for this request.")

    async def pause(self, seconds: float) -> None:
        """Wait before somebody is asked again: waiting for providers, as the ledger counts it."""
        began = self._ground.clock.monotonic()
        budget = self._retry_budget or self._ground.fleet.budget(self._admission.model)
        budget.waiting += 1
        try:
            await self._ground.pause(seconds)
        finally:
            budget.waiting -= 1
            self._admission.between_s += self._ground.clock.monotonic() - began

    @property
    def waited_s(self) -> float:
        """How long providers have been waited for until now."""
        waited_s = self._admission.waited_s
        if self.asked is not None:
            waited_s += self._ground.clock.monotonic() - self.asked.began
        return waited_s

    @property
    def left_s(self) -> float | None:
        """How long the client waits on, None where it does not say."""
        if self._gives_up_at is None:
            return None
        return self._gives_up_at - self._ground.clock.monotonic()

    def failed(self, error: GatewayError, *, flowing: bool = False) -> None:
        """Record a failed attempt. Raises its error when no other deployment can do better."""
        asked = self._no_longer()
        if asked is None:
            raise error
        attempt = asked.failed(error, self._ground.clock.monotonic())
        if flowing:
            self._admission.attempts.append(attempt)
            raise error
        self._fail(error, attempt, asked.began)

    def _fail(self, error: GatewayError, attempt: Attempt, began: float) -> None:
        self._admission.attempts.append(attempt)
        if not isinstance(error, UpstreamError | CallerError):
            raise error
        refused = isinstance(error, Refused)
        if refused:
            if not (self._away or self._legs.mend(cause_of(error))):
                raise error
            self._lanes.end_here()
        self._retries.failed(attempt.deployment, error, began)
        if not (self._away and refused and self._failure is not None):
            self._failure = weightier(self._failure, error)
        forget_frames(error)

    def _no_longer(self) -> Asked | None:
        asked, self.asked = self.asked, None
        return asked

    def answered(
        self, load_percent: float | None = None, first_content_at: float | None = None
    ) -> None:
        """Record that the present deployment answered to the end."""
        asked = self._no_longer()
        if asked is not None:
            now = self._ground.clock.monotonic()
            self._admission.attempts.append(asked.answered(now, load_percent, first_content_at))

    def accepted(self) -> None:
        """Note that a conversation has begun; its attempt is recorded when it ends."""
        asked = self._no_longer()
        if asked is not None:
            asked.tried = None  # those who follow it see it end with the conversation
            asked.answered(self._ground.clock.monotonic(), None, None)

    def cut_off(self, error: BaseException | None) -> None:
        """Record an attempt that ended because something crashed, or nobody waits any more."""
        asked = self._no_longer()
        if asked is not None:
            self._admission.cut = asked.deployment
            why = CRASHED if isinstance(error, Exception) else CANCELLED
            self._admission.attempts.append(asked.left(why, self._ground.clock.monotonic()))

    def hedges_after_s(self) -> float | None:
        """How long to wait before a second deployment is asked too; None: there is none for it."""
        hedge, asked = self._admission.routing.hedge, self.asked
        if hedge is None or asked is None or self.lane_beside() is None:
            return None
        return asked.p95_s if hedge.after_s is None else hedge.after_s

    def lane_beside(self) -> int | None:
        """Return the next deployment that is well and not asked yet."""
        return None if self._retries.made else self._lanes.beside()

    def beside(self, lane: int, reservation: Reservation) -> Asked:
        """Ask a deployment too; `reservation` is held for that."""
        return self._ask(lane, reservation, self._ground.clock.monotonic())

    def go_on_as(self, asked: Asked) -> None:
        """Let this one be the present deployment, in place of another that is let go."""
        admission = self._admission
        self.asked, self.deployment, self._lanes.lane = asked, asked.deployment, asked.lane
        admission.reservation = asked.reservation
