"""Road: the one owner of retries.

A call walks its plan until a deployment answers or none is left.
"""

from collections.abc import Awaitable, Callable

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.limiter import Limiter
from llmproxy.application.interfaces.upstream import Conversation, Deployment, Events, Reply
from llmproxy.application.steps.admit import Admission, not_ready
from llmproxy.domain.errors import CallerError, GatewayError, OwnFault, Refused, UpstreamError

MAX_HELD_BYTES = 64 * 1024
CRASHED = "internal_error"
ANSWERED = 200


class Dispatch:
    """Spreads the calls for each model over its deployments, one after another in turn.

    A failure moves the call to the next deployment, as long as no content has reached the caller
    and the caller still waits. A provider's refusal of the request itself does not, because the
    next one would refuse it too; what one deployment alone cannot do does. A deployment whose own
    limits leave no room is passed over.
    """

    def __init__(self, clock: Clock, limiter: Limiter) -> None:
        self._clock = clock
        self._limiter = limiter
        self._turns: dict[str, int] = {}

    def in_turn(self, plan: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
        """Return the order of the next call with this plan, and take the turn."""
        code = plan[0].model.code
        turn = self._turns[code] = self._turns.get(code, 0) + 1
        return _from_turn(plan, turn)

    def next_order(self, plan: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
        """Return the order in which the next call with this plan will walk it; no turn is taken."""
        if len(plan) < 2:
            return plan
        return _from_turn(plan, self._turns.get(plan[0].model.code, 0) + 1)

    async def answer(self, admission: Admission) -> tuple[Reply, Deployment]:
        """Return the first whole answer.

        Raises the last provider's UpstreamError, else the first reason not to ask one. A deployment
        after the first has only the time that the client waits on.
        """
        failure: GatewayError | None = None
        call = admission.call
        silence_s = call.silence_s
        for lane in range(admission.reservation.lane, len(admission.plan)):
            deployment = admission.plan[lane]
            began = self._clock.monotonic()
            try:
                await self._hold(admission, lane)
                if deployment.answering is None:
                    raise not_ready(deployment)
                reply = await deployment.answering.answer(call)
            except GatewayError as error:
                now = self._clock.monotonic()
                failure = weightier(failure, note(admission, deployment, error, now - began))
                if silence_s is not None:
                    call.silence_s = call.started_at + silence_s - now
                    if call.silence_s <= 0:
                        break
            except BaseException as error:
                cut_off(admission, deployment, error, self._clock.monotonic() - began)
                raise
            else:
                duration_s = self._clock.monotonic() - began
                attempt = Attempt(deployment.model.id, None, duration_s, ANSWERED)
                admission.attempts.append(attempt)
                return reply, deployment
        raise failure or OwnFault("No deployment is left for this request.")

    async def _hold(self, admission: Admission, lane: int) -> None:
        """Hold what this deployment's own limits count. Raises as `Limiter.reserve`."""
        reservation = admission.reservation
        if reservation.lanes and lane != reservation.lane:
            await self._limiter.move(reservation, lane)

    async def converse(self, admission: Admission) -> tuple[Conversation, Deployment]:
        """Return the first conversation accepted. Raises as `answer` does.

        Its attempt is recorded when the conversation ends.
        """
        failure: GatewayError | None = None
        for lane in range(admission.reservation.lane, len(admission.plan)):
            deployment = admission.plan[lane]
            began = self._clock.monotonic()
            try:
                await self._hold(admission, lane)
                if deployment.conversing is None:
                    raise not_ready(deployment)
                return await deployment.conversing.converse(admission.call), deployment
            except GatewayError as error:
                duration_s = self._clock.monotonic() - began
                failure = weightier(failure, note(admission, deployment, error, duration_s))
            except BaseException as error:
                cut_off(admission, deployment, error, self._clock.monotonic() - began)
                raise
        raise failure or OwnFault("No deployment is left for this request.")

    def stream(self, admission: Admission) -> "Journey":
        """Return the journey of a streamed answer; nothing is sent before its first `next`."""
        return Journey(admission, self._hold, self._clock)


def _from_turn(plan: tuple[Deployment, ...], turn: int) -> tuple[Deployment, ...]:
    start = turn % len(plan)
    return plan[start:] + plan[:start]


class Journey:
    """A streamed answer over the deployments of a plan.

    Events are held back until the first content, so that a failure before it can still move to
    another deployment.
    """

    def __init__(
        self,
        admission: Admission,
        hold: Callable[[Admission, int], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._hold_lane = hold
        self._lane = admission.reservation.lane - 1
        self._clock = clock
        self._held = b""
        self._began = 0.0
        self._pulse_s: float | None = None
        self._failure: GatewayError | None = None
        self.deployment: Deployment | None = None
        self.events: Events | None = None
        self.flowing = False

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""
        self._pulse_s = seconds
        if self.events is not None:
            self.events.pulse_every(seconds)

    async def next(self) -> bytes | None:
        """Return events, b"" after a silence, None after the complete end. Raises GatewayError."""
        while True:
            events = self.events
            try:
                if events is None:
                    events = await self._depart()
                batch = await events.next()
            except GatewayError as error:
                self._failed(error)
                continue
            if self.flowing or batch == b"":
                return batch
            if self._hold(events, batch):
                held, self._held = self._held, b""
                return held or None

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand events to `sink` as they arrive, once content flows; then ask `next` again."""
        if self.flowing and self.events is not None:
            await self.events.pour(sink)

    def _hold(self, events: Events, batch: bytes | None) -> bool:
        """Hold a batch back; return whether all that is held may go out now."""
        if batch is not None:
            self._held += batch
            if not events.has_content(batch) and len(self._held) < MAX_HELD_BYTES:
                return False
        self.flowing = True
        self._admission.first_content_at = self._clock.monotonic()
        return True

    async def _depart(self) -> Events:
        self._lane += 1
        if self._lane >= len(self._admission.plan):
            self.deployment = None
            raise _PlanEnded
        deployment = self.deployment = self._admission.plan[self._lane]
        self._began = self._clock.monotonic()
        await self._hold_lane(self._admission, self._lane)
        if deployment.streaming is None:
            raise not_ready(deployment)
        events = self.events = await deployment.streaming.stream(self._admission.call)
        if self._pulse_s is not None:
            events.pulse_every(self._pulse_s)
        return events

    def _failed(self, error: GatewayError) -> None:
        if isinstance(error, _PlanEnded):
            raise self._failure or OwnFault("No deployment is left for this request.") from None
        if self.deployment is None:
            raise error
        now = self._clock.monotonic()
        failure = note(self._admission, self.deployment, error, now - self._began)
        if self.flowing:
            raise failure
        self._failure = weightier(self._failure, failure)
        call = self._admission.call
        if call.silence_s is not None and now - call.started_at >= call.silence_s:
            raise self._failure
        self.events = None
        self._held = b""

    @property
    def waited_s(self) -> float:
        """How long providers have been waited for until now."""
        before = sum([attempt.duration_s for attempt in self._admission.attempts])
        return before + self._clock.monotonic() - self._began

    def arrived(self) -> None:
        """Record that the present deployment answered to the end."""
        if self.deployment is not None:
            duration_s = self._clock.monotonic() - self._began
            attempt = Attempt(self.deployment.model.id, None, duration_s, ANSWERED)
            self._admission.attempts.append(attempt)

    def close(self, error: BaseException | None = None) -> None:
        """Cancel the provider's work; `error` is what crashed, None that nobody waits any more."""
        if self.events is not None:
            self.events.close()
        if self.deployment is not None:
            duration_s = self._clock.monotonic() - self._began
            cut_off(self._admission, self.deployment, error, duration_s)


class _PlanEnded(GatewayError):
    """No deployment is left to try."""

    def __init__(self) -> None:
        super().__init__("")


def note(
    admission: Admission, deployment: Deployment, error: GatewayError, duration_s: float
) -> GatewayError:
    """Record a failed attempt and return its error.

    Raise it at once when no other deployment can do better.
    """
    status = error.upstream_status if isinstance(error, UpstreamError) else None
    attempt = Attempt(deployment.model.id, error.code or "failed", duration_s, status)
    admission.attempts.append(attempt)
    if isinstance(error, Refused) or not isinstance(error, UpstreamError | CallerError):
        raise error
    return error


def weightier(earlier: GatewayError | None, later: GatewayError) -> GatewayError:
    """Choose what the caller is told: a provider's failure before a reason not to ask one."""
    return later if earlier is None or isinstance(later, UpstreamError) else earlier


def cut_off(
    admission: Admission,
    deployment: Deployment,
    error: BaseException | None,
    duration_s: float,
) -> None:
    """Record an attempt that ended because something crashed, or because nobody waits any more."""
    code = CRASHED if isinstance(error, Exception) else "cancelled"
    admission.attempts.append(Attempt(deployment.model.id, code, duration_s))
