"""What answers kept for a question and those kept for an `Idempotency-Key` share.

An answer is looked for among those under way, then among those kept; else it is asked for, in a
flight that others may board. Who is served without a provider of their own is admitted as one
request that uses nothing, and has a row of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import (
    AnswerForms,
    Kept,
    ResponseCache,
)
from llmproxy.application.interfaces.upstream import Deployment, Reply
from llmproxy.application.registry import Registry
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.application.use_cases.replayed.asked import Asked, Source
from llmproxy.application.use_cases.replayed.flights import Flights, WholeFlight
from llmproxy.application.use_cases.replayed.given import Given, GivenLive, lasting, marked
from llmproxy.application.use_cases.replayed.looking import Looking
from llmproxy.application.use_cases.replayed.own_flight import OwnFlight
from llmproxy.application.use_cases.replayed.ride import Ride
from llmproxy.application.use_cases.replayed.streams import StreamFlight
from llmproxy.domain.errors import GatewayError

FEW: Final = 8
"""With more flights under way each waits a turn of the event loop once its answer is being kept. So
the loop settles and keeps many answers in a row, then sends many in a row: what each of the two
needs stays in the processor's caches. At 64 connections that took 34 µs of 403 off a call (30
interleaved pairs, quartiles 65 less to 10 more); with few it would only cost the turn."""


class Rooms(NamedTuple):
    """The rooms behind the desk; `answer` and `stream` take calls that passed the gate."""

    registry: Registry
    admit: Admit
    settle: Settle
    answer: Callable[[Admission], Coroutine[Any, Any, Whole]]
    stream: Callable[[Admission], Live]


class Sharing:
    """Answers from `store`, from a flight, or from a source. `counts` are figures since start."""

    def __init__(
        self,
        rooms: Rooms,
        store: ResponseCache,
        forms: AnswerForms,
        clock: Clock,
        *,
        max_entry_bytes: int,
    ) -> None:
        self._rooms = rooms
        self._store = store
        self._forms = forms
        self._clock = clock
        self._max_entry_bytes = max_entry_bytes
        self.flights = Flights(max_entry_bytes)
        self._looking = Looking(rooms.admit, rooms.settle, store, forms, self.flights)
        self.kept = self._looking.kept
        self._keeping = self._keep
        self.counts = {"hits": 0, "misses": 0, "coalesced": 0}

    async def answer(self, asked: Asked, source: Source) -> Whole:
        """Answer in one piece. Raises GatewayError."""
        kept = self._looking.at_hand(asked)
        if kept is not None:
            return await self.again(asked, kept)
        kept, flight, admission = await self._looking.find(asked, source)
        if kept is not None:
            return await self.again(asked, kept, admission)
        if isinstance(flight, WholeFlight):
            return await self._fly_along(asked, flight, admission)
        self.counts["misses"] += 1
        if asked.presence is not None and not source.holds:
            own = OwnFlight(self.flights, asked, source, admission, self._keeping)
            whole = await own.fly(asked.presence)
            if len(self.flights.running) > FEW:
                await asyncio.sleep(0)
            return marked(whole, asked.marks.first)
        first = WholeFlight(self.flights, asked, source, admission, self._keeping)
        first.board()
        first.start()
        try:
            await first.arrival()
            return marked(first.answer(), asked.marks.first)
        finally:
            first.leave()

    async def stream(self, asked: Asked, source: Source) -> Live:
        """Answer in events or bytes. Raises GatewayError."""
        kept = self._looking.at_hand(asked)
        if kept is not None:
            return await self.again_live(asked, kept)
        kept, flight, admission = await self._looking.find(asked, source)
        if kept is not None:
            return await self.again_live(asked, kept, admission)
        if isinstance(flight, StreamFlight):
            return await self._ride_along(asked, flight, admission)
        self.counts["misses"] += 1
        first = StreamFlight(self.flights, asked, source, admission, self._keeping)
        ride = Ride(first, self._rooms.settle, self._clock, asked.marks.first)
        first.start()
        return ride

    async def again(self, asked: Asked, kept: Kept, held: Admission | None = None) -> Whole:
        """Give a kept answer in one piece. Raises what limits refuse."""
        held = held or await self._free(asked)
        reply = Reply(self._given(asked, kept, held), kept.body, None)
        return Given(reply, _answered(held, kept), 0, 0.0, held.reservation.quota, kept=True)

    async def again_live(self, asked: Asked, kept: Kept, held: Admission | None = None) -> Live:
        """Give a kept stream. Raises what limits refuse."""
        held = held or await self._free(asked)
        lines = self._given(asked, kept, held)
        return GivenLive(lines, kept.body, _answered(held, kept), held.reservation.quota)

    def _free(self, asked: Asked) -> Coroutine[Any, Any, Admission]:
        """Admit a call that no provider is asked for. Raises what limits refuse."""
        return self._rooms.admit.free(asked.call, asked.plan)

    def _given(self, asked: Asked, kept: Kept, held: Admission) -> list[bytes]:
        """Settle and count a kept answer; return its header lines."""
        self._rooms.settle.cached(held)
        self.counts["hits"] += 1
        age_s = max(self._clock.now() - kept.kept_at, 0.0)
        return [*kept.headers, *asked.marks.again, b"age: %d" % age_s]

    async def _fly_along(
        self, asked: Asked, flight: WholeFlight, admission: Admission | None
    ) -> Whole:
        self.counts["coalesced"] += 1
        settle = self._rooms.settle
        began = self._clock.monotonic()
        flight.board()
        try:
            held = admission or await self._free(asked)
            try:
                if not flight.ended:
                    await flight.arrival()
                whole = flight.answer()
            except GatewayError as error:
                settle.failed(held, error)
                raise
            except BaseException as error:
                crash = CRASHED if isinstance(error, Exception) else None
                settle.broken_off(held, held.plan[0], NOTHING, crash, output_bytes=0)
                raise
        finally:
            flight.leave()
        settle.cached(held)
        reply = Reply([*lasting(whole.reply.headers), *asked.marks.along], whole.reply.body, None)
        waited_s = self._clock.monotonic() - began
        return Given(reply, whole.deployment, 0, waited_s, held.reservation.quota)

    async def _ride_along(
        self, asked: Asked, flight: StreamFlight, admission: Admission | None
    ) -> Live:
        self.counts["coalesced"] += 1
        ride = Ride(flight, self._rooms.settle, self._clock, asked.marks.along)
        try:
            ride.admitted(admission or await self._free(asked))
        except BaseException:
            ride.close()
            raise
        return ride

    def _keep(
        self, asked: Asked, headers: list[bytes], body: bytes, deployment: Deployment
    ) -> "asyncio.Future[Any] | None":
        kept = self._to_keep(asked, headers, body, deployment)
        return None if kept is None else self._store.put(asked.key, kept)

    def _to_keep(
        self, asked: Asked, headers: list[bytes], body: bytes, deployment: Deployment
    ) -> Kept | None:
        """Return what is to be kept of an answer, None for nothing."""
        if len(body) > self._max_entry_bytes or _stood_in(asked, deployment):
            return None
        shape = asked.shape
        if not self._forms.complete(asked.call, shape.form, body):
            return None
        now = self._clock.now()
        return Kept(
            shape,
            tuple(lasting(headers)),
            body,
            deployment.model.id,
            now,
            now + asked.ttl_s,
            asked.fingerprint,
        )


def _stood_in(asked: Asked, deployment: Deployment) -> bool:
    """Return whether another model answered, on whose documents the question's key says nothing.

    Kept it would outlive the failure, and what changes in that model. Under an `Idempotency-Key` it
    is the answer that was given.
    """
    model = deployment.model
    return not asked.fingerprint and asked.call.model not in {model.code, model.id}


def _answered(admission: Admission, kept: Kept) -> Deployment:
    plan = admission.plan
    first = plan[0]
    if first.model.id == kept.deployment:
        return first
    return next((each for each in plan if each.model.id == kept.deployment), first)
