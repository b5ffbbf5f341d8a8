"""A call answered in one piece."""

import asyncio
from typing import Final, NamedTuple

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Deployment, Reply
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.limit import Quota

FEW: Final = 8
"""With more calls under way each waits a turn of the event loop before a provider is asked. So the
loop admits many requests in a row, then asks for many in a row: what each of the two needs stays in
the processor's caches. At 64 connections that took a seventh off the CPU time of a request (307
against 355 µs, 9 interleaved pairs: -61 µs, -80 to -2); with few it would only cost the turn."""


class Answered(NamedTuple):
    """The provider's reply, who gave it, its cost in nano-units, and how long providers took.

    `quota` is what the limits of this gateway leave, None where none applies.
    """

    reply: Reply
    deployment: Deployment
    cost_nano: int
    waited_s: float
    quota: Quota | None = None


class Answer:
    """admit → dispatch → settle."""

    def __init__(self, admit: Admit, dispatch: Dispatch, settle: Settle) -> None:
        self._admit = admit
        self._dispatch = dispatch
        self._settle = settle
        self._under_way = 0

    async def __call__(self, call: Call) -> Answered:
        """Return the answer, settled. Raises GatewayError; a cancellation is settled as aborted."""
        return await self.admitted(await self._admit(call))

    async def admitted(self, admission: Admission) -> Answered:
        """Do the same with a call that has passed the gate."""
        self._under_way += 1
        try:
            if self._under_way > FEW:
                await asyncio.sleep(0)
            reply, deployment = await self._dispatch.answer(admission)
        except GatewayError as error:
            self._settle.failed(admission, error)
            raise
        except BaseException as error:
            crash = CRASHED if isinstance(error, Exception) else None
            last = admission.cut
            usage = NOTHING if last is None else None  # between two attempts nobody works
            last = last or admission.plan[0]
            self._settle.broken_off(admission, last, usage, crash, output_bytes=0)
            raise
        finally:
            self._under_way -= 1
        cost_nano = self._settle.finished(
            admission, deployment, reply.usage, output_bytes=len(reply.body)
        )
        attempts = admission.attempts
        waited_s = attempts[0].duration_s if len(attempts) == 1 else admission.waited_s
        return Answered(reply, deployment, cost_nano, waited_s, admission.reservation.quota)
