"""A stored response asked for by its id: read, deleted, cancelled, listed or streamed again.

Not a call: nothing is generated, so nothing is paid for and the journal has no line of it. It goes
to the deployment that made the response and to no other.
"""

from collections.abc import Callable
from typing import NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import NOTHING_USED, Limiter, Reservation
from llmproxy.application.interfaces.stored_response import Lookup
from llmproxy.application.interfaces.upstream import (
    Deployment,
    Events,
    Headers,
    Recalling,
    Reply,
)
from llmproxy.application.response_ids import ResponseDirectory
from llmproxy.application.steps.admission import not_ready


class Recalled(NamedTuple):
    """The provider's reply and who gave it."""

    reply: Reply
    deployment: Deployment


class Recall:
    """Finds who made the response and asks there; counted among the requests in flight."""

    def __init__(self, directory: ResponseDirectory, limiter: Limiter, clock: Clock) -> None:
        self.directory = directory
        self._limiter = limiter
        self._clock = clock

    async def __call__(self, lookup: Lookup) -> Recalled:
        """Return the answer in one piece. Raises GatewayError."""
        deployment, recalling = self._asked(lookup)
        held = await self._hold(lookup, deployment)
        try:
            return Recalled(await recalling.recall(lookup), deployment)
        finally:
            self._limiter.settle(held, NOTHING_USED)

    async def stream(self, lookup: Lookup) -> "Replayed":
        """Return the response's events. Raises GatewayError."""
        deployment, recalling = self._asked(lookup)
        held = await self._hold(lookup, deployment)
        try:
            events = await recalling.replay(lookup)
        except BaseException:
            self._limiter.settle(held, NOTHING_USED)
            raise

        def release() -> None:
            self._limiter.settle(held, NOTHING_USED)

        first = 0 if lookup.after is None else lookup.after + 1
        return Replayed(events, deployment, first, release, self._clock)

    def _asked(self, lookup: Lookup) -> tuple[Deployment, Recalling]:
        _, deployment = self.directory.find(lookup.origin.shown, lookup.caller)
        if deployment.recalling is None:
            raise not_ready(deployment)
        return deployment, deployment.recalling

    async def _hold(self, lookup: Lookup, deployment: Deployment) -> Reservation:
        caller = lookup.caller
        price = deployment.model.price
        currency = "" if price is None else price.currency
        held = Reservation(caller.key_id, caller.project, deployment.model.code, currency, 0, 0)
        await self._limiter.reserve(held)
        return held


class Replayed:
    """To be read with `next` until None or an error; `close` in any case."""

    __slots__ = ("_clock", "_events", "_first", "_release", "deployment", "waited_s")

    def __init__(
        self,
        events: Events,
        deployment: Deployment,
        first: int,
        release: Callable[[], None],
        clock: Clock,
    ) -> None:
        """Take what is to be read; `first` is the sequence number of the first event."""
        self._events = events
        self._first = first
        self._clock = clock
        self.waited_s = 0.0
        self._release: Callable[[], None] | None = release
        self.deployment = deployment

    @property
    def headers(self) -> Headers:
        """The provider's headers that may pass."""
        return self._events.headers

    @property
    def quota(self) -> None:
        """Nothing: reading a stored response uses nothing."""
        return

    @property
    def passed(self) -> int:
        """The sequence number of the next event."""
        return self._first + self._events.passed

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""
        self._events.pulse_every(seconds)

    async def next(self) -> bytes | None:
        """Return whole events, b"" after a silence, None at the end. Raises GatewayError."""
        asked_at = self._clock.monotonic()
        try:
            return await self._events.next()
        finally:
            self.waited_s += self._clock.monotonic() - asked_at

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand whole events to `sink` as they arrive, until `next` must be asked."""
        await self._events.pour(sink)

    def close(self) -> None:
        """Nobody reads any more."""
        release, self._release = self._release, None
        if release is not None:
            self._events.close()
            release()
