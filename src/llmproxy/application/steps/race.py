"""Two deployments for one call: a second is asked when the first has long said nothing.

Whoever speaks first answers, the other is let go. What that one has read by then is charged by its
prompt, as an estimate: providers bill a prompt that they have worked on. Each of the two holds what
it may use for itself, so that budgets hold.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

from llmproxy.application.interfaces.limiter import NOTHING_USED, Used
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.asked import CANCELLED, CRASHED, Asked
from llmproxy.application.steps.bound import bound_of, prompt_estimate
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.walk import Walk
from llmproxy.domain.errors import GatewayError, Refused, UpstreamError
from llmproxy.domain.usage import Usage

OUTPACED: Final = "outpaced"
Said = TypeVar("Said")


class Ask(NamedTuple, Generic[Said]):
    """How a deployment is asked, and how what it has said is dropped when nobody wants it.

    Cancelling `first_word` cancels the provider's work.
    """

    first_word: Callable[[Deployment], Coroutine[Any, Any, Said]]
    drop: Callable[[Said], None]


class Race(Generic[Said]):
    """Begins with the deployment that the walk has named, and asks a second `after_s` later."""

    def __init__(
        self,
        ground: Ground,
        admission: Admission,
        walk: Walk,
        ask: Ask[Said],
        after_s: float,
    ) -> None:
        self._ground = ground
        self._admission = admission
        self._walk = walk
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._second_at: float | None = self._loop.time() + after_s
        if walk.deployment is None:
            raise TypeError("a race begins with a deployment that the walk has named")
        self._first = self._run(walk.deployment)
        self._second: asyncio.Task[Said] | None = None
        self._beside: Asked | None = None
        self._taken = False

    def _run(self, deployment: Deployment) -> asyncio.Task[Said]:
        task = self._loop.create_task(self._ask.first_word(deployment))
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Said]) -> None:
        """Drop what nobody waits for any more."""
        if _spoke(task) and task not in self._running():
            self._ask.drop(task.result())

    def _running(self) -> list[asyncio.Task[Said]]:
        return [self._first] if self._second is None else [self._first, self._second]

    async def said(self, pulse_s: float | None = None) -> Said | None:
        """Return what was said first; None after a pulse.

        Raises GatewayError of the last one who could have spoken: it is to be told to the walk.
        """
        until = None if pulse_s is None else self._loop.time() + pulse_s
        while True:
            times = [each for each in (self._second_at, until) if each is not None]
            wait_s = max(0.0, min(times) - self._loop.time()) if times else None
            done, _ = await asyncio.wait(
                self._running(), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._first in done:
                if self._goes_on_with_the_second():
                    continue
                self._let_second_go()
                return self._take()
            if self._second is not None and self._second in done:
                if self._second_speaks():
                    return self._take()
            elif self._second_at is not None and self._loop.time() >= self._second_at:
                self._second_at = None
                await self._ask_second()
            elif until is not None and self._loop.time() >= until:
                return None

    def _take(self) -> Said:
        self._taken = True
        return self._first.result()

    async def all_said(self) -> Said:
        """Do the same without pulses."""
        while True:
            said = await self.said()
            if said is not None:
                return said

    async def _ask_second(self) -> None:
        """Ask the next one too, if there is one that is well and what it may use can be held."""
        lane, left_s = self._walk.lane_beside(), self._walk.left_s
        if lane is None or (left_s is not None and left_s <= 0):
            return
        ground, admission = self._ground, self._admission
        held = replace(admission.reservation, lane=0, at=ground.clock.now(), quota=None)
        try:
            await ground.limiter.reserve(held)
        except GatewayError:
            return  # the first one is still asked: nothing is lost
        try:
            if held.lanes and held.lane != lane:
                await ground.limiter.move(held, lane)
        except BaseException as error:
            ground.limiter.settle(held, NOTHING_USED)
            if isinstance(error, GatewayError):
                return
            raise
        self._beside = self._walk.beside(lane, held)
        if not admission.call.stream:
            admission.call.silence_s = self._walk.left_s
        self._second = self._run(self._beside.deployment)

    def _goes_on_with_the_second(self) -> bool:
        """Whether the first has failed and the second is still asked: then that is the first."""
        error = None if self._first.cancelled() else self._first.exception()
        second, beside = self._second, self._beside
        if second is None or beside is None or not isinstance(error, UpstreamError):
            return False
        if isinstance(error, Refused):
            return False
        reservation = self._admission.reservation
        self._count_once(beside)
        self._walk.failed(error)
        self._ground.limiter.settle(reservation, NOTHING_USED)
        self._walk.go_on_as(beside)
        self._first, self._second, self._beside = second, None, None
        return True

    def _second_speaks(self) -> bool:
        """Whether the second answers: then the first is let go. Its failure is only recorded."""
        second, beside = self._second, self._beside
        if second is None or beside is None:
            return False
        self._second = self._beside = None
        self._count_once(beside)
        error = second.exception()
        if error is not None:
            self._record_failed(beside, error)
            return False
        outpaced = self._walk.asked
        self._walk.go_on_as(beside)
        self._first.cancel()
        self._first = second
        if outpaced is not None:
            self._charge(outpaced, OUTPACED)
        return True

    def _record_failed(self, beside: Asked, error: BaseException) -> None:
        """Record that the second has failed, while the first is still asked. Raises a crash."""
        now = self._ground.clock.monotonic()
        self._ground.limiter.settle(beside.reservation, NOTHING_USED)
        if isinstance(error, GatewayError):
            self._admission.attempts.append(beside.failed(error, now))
            return
        self._admission.attempts.append(beside.left(CRASHED, now))
        self._first.cancel()
        raise error

    def _let_second_go(self, why: str = OUTPACED) -> None:
        second, beside = self._second, self._beside
        if second is not None and beside is not None:
            self._second = self._beside = None
            self._count_once(beside)
            second.cancel()
            if _spoke(second):
                self._ask.drop(second.result())
            self._charge(beside, why)

    def _count_once(self, beside: Asked) -> None:
        """Both were waited for since the second was asked: that time has passed only once."""
        self._admission.between_s -= self._ground.clock.monotonic() - beside.began

    def _charge(self, outpaced: Asked, why: str) -> None:
        """Record an attempt that was let go, with what its prompt costs there."""
        admission, model = self._admission, outpaced.deployment.model
        nano = tokens = 0
        if model.price is not None:
            likely = bound_of(admission.call, (outpaced.deployment,)).likely_prompt_tokens
            nano, tokens = prompt_estimate(admission.call, model.price, likely)
        attempt = outpaced.left(why, self._ground.clock.monotonic())
        attempt.usage, attempt.cost_nano = Usage(input_tokens=tokens, estimated=True), nano
        admission.attempts.append(attempt)
        admission.outpaced += (attempt,)
        held = outpaced.reservation
        held.deployment = model.id
        self._ground.limiter.settle(held, Used(nano, tokens, 0))

    def close(self) -> None:
        """Give up: nobody waits any more. The walk's own attempt is the caller's to record."""
        first = self._first
        if not first.cancel() and not self._taken and _spoke(first):
            self._ask.drop(first.result())
        self._let_second_go(CANCELLED)


def _spoke(task: asyncio.Task[Said]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
