"""A call answered in events."""

from collections.abc import Callable

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Deployment, Headers
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.journey import Journey
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.limit import Quota


class Stream:
    """admit → dispatch, event by event → settle."""

    def __init__(self, admit: Admit, dispatch: Dispatch, settle: Settle) -> None:
        self._admit = admit
        self._dispatch = dispatch
        self._settle = settle

    async def __call__(self, call: Call) -> "Streamed":
        """Return the admitted stream; no provider was called yet. Raises GatewayError."""
        return self.admitted(await self._admit(call))

    def admitted(self, admission: Admission) -> "Streamed":
        """Do the same with a call that has passed the gate."""
        return Streamed(admission, self._dispatch.stream(admission), self._settle)


class Streamed:
    """To be read with `next` until None or an error, or given up with `close`: both settle it."""

    __slots__ = ("_admission", "_journey", "_settle")

    def __init__(self, admission: Admission, journey: Journey, settle: Settle) -> None:
        self._admission = admission
        self._journey = journey
        self._settle = settle

    @property
    def headers(self) -> Headers:
        """The provider's headers that may pass; empty before its answer has begun."""
        events = self._journey.events
        return [] if events is None else events.headers

    @property
    def deployment(self) -> Deployment | None:
        """Who is answering."""
        return self._journey.deployment

    @property
    def quota(self) -> Quota | None:
        """What the limits of this gateway leave, None where none applies."""
        return self._admission.reservation.quota

    @property
    def waited_s(self) -> float:
        """How long providers have been waited for until now."""
        return self._journey.waited_s

    @property
    def passed(self) -> int:
        """How many events have gone on."""
        events = self._journey.events
        return 0 if events is None else events.passed

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""
        self._journey.pulse_every(seconds)

    async def next(self) -> bytes | None:
        """Return whole events, b"" after a silence, None after the complete end (now settled).

        Raises GatewayError.
        """
        try:
            batch = await self._journey.next()
        except GatewayError as error:
            self._fail(error)
            raise
        except Exception as error:
            self._journey.close(error)
            self._break_off(CRASHED)
            raise
        if batch is None:
            self._finish()
        return batch

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand whole events to `sink` as they arrive, until `next` must be asked.

        The short way for the bulk of a stream: no task is woken for an event.
        """
        await self._journey.pour(sink)

    def close(self) -> None:
        """Nobody waits any more: cancel the provider's work and settle as aborted."""
        if self._admission.settled:
            return
        self._journey.close()
        self._break_off(None)

    def _finish(self) -> None:
        journey = self._journey
        journey.arrived()
        if journey.deployment is not None and journey.events is not None:
            self._settle.finished(
                self._admission,
                journey.deployment,
                journey.events.usage,
                output_bytes=journey.events.output_bytes,
            )

    def _fail(self, error: GatewayError) -> None:
        if self._journey.flowing:
            self._break_off(error.code or "failed")
        else:
            self._settle.failed(self._admission, error)

    def _break_off(self, error: str | None) -> None:
        events = self._journey.events
        # Before the first `next`, and between two attempts, nobody works: nothing is estimated.
        usage = NOTHING if self._admission.cut is None else None
        self._settle.broken_off(
            self._admission,
            self._journey.deployment or self._admission.plan[0],
            usage if events is None else events.usage,
            error,
            output_bytes=0 if events is None else events.output_bytes,
        )
