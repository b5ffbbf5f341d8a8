"""What answers kept for a question and those kept for an `Idempotency-Key` share.

An answer is looked for among those under way, then among those kept; else it is asked for, in a
flight that others may board. Who is served without a provider of their own is admitted as one
request that uses nothing, and has a row of its own.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import (
    AnswerForms,
    Form,
    Kept,
    Look,
    ResponseCache,
)
from llmproxy.application.interfaces.upstream import Deployment, Reply
from llmproxy.application.registry import Registry
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.application.use_cases.replayed.asked import Asked, Source
from llmproxy.application.use_cases.replayed.flights import Flight, Flights, WholeFlight
from llmproxy.application.use_cases.replayed.given import Given, GivenLive, lasting, marked
from llmproxy.application.use_cases.replayed.ride import Ride
from llmproxy.application.use_cases.replayed.streams import StreamFlight
from llmproxy.domain.errors import GatewayError, IdempotencyKeyReused

JSON: Final = b"content-type: application/json"


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
        self._boarding = self.flights.boarding
        self._keeping = self._keep
        self.counts = {"hits": 0, "misses": 0, "coalesced": 0}

    async def answer(self, asked: Asked, source: Source) -> Whole:
        """Answer in one piece. Raises GatewayError."""
        kept, flight, admission = await self._find(asked, source)
        if kept is not None:
            return await self.again(asked, kept, admission)
        if isinstance(flight, WholeFlight):
            return await self._fly_along(asked, flight, admission)
        self.counts["misses"] += 1
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
        kept, flight, admission = await self._find(asked, source)
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
        held = held or await self._rooms.admit.free(asked.call)
        reply = Reply(self._given(asked, kept, held), kept.body, None)
        return Given(reply, _answered(held, kept), 0, 0.0, held.reservation.quota, kept=True)

    async def again_live(self, asked: Asked, kept: Kept, held: Admission | None = None) -> Live:
        """Give a kept stream. Raises what limits refuse."""
        held = held or await self._rooms.admit.free(asked.call)
        lines = self._given(asked, kept, held)
        return GivenLive(lines, kept.body, _answered(held, kept), held.reservation.quota)

    def _given(self, asked: Asked, kept: Kept, held: Admission) -> list[bytes]:
        """Settle and count a kept answer; return its header lines."""
        self._rooms.settle.cached(held)
        self.counts["hits"] += 1
        age_s = max(self._clock.now() - kept.kept_at, 0.0)
        return [*kept.headers, *asked.marks.again, b"age: %d" % age_s]

    async def _find(
        self, asked: Asked, source: Source
    ) -> tuple[Kept | None, Flight | None, Admission | None]:
        """Return what is kept, else a flight to board, else that the call may ask for itself.

        Where it is admitted already, that is returned too.
        """
        if asked.anew:
            return None, None, await source.admit()
        boarding = asked.boarding
        flight = self._boarding.get(boarding)
        if flight is None:
            look = self._store.begin(asked.key) if asked.likely else None
            if look is not None:
                kept, held = await self._let_in(asked, look)
            else:
                kept, held = await self.kept(asked), None
            if kept is not None:
                return kept, None, held
            # Who took off in the meantime lands behind this look at what is kept.
            flight = self._boarding.get(boarding)
        admission = None
        if flight is None:
            admission = await source.admit()
            flight = self._boarding.get(boarding)
        if flight is not None:
            check(asked, flight.asked.fingerprint)
        return None, flight, admission

    async def _let_in(self, asked: Asked, look: Look) -> tuple[Kept | None, Admission | None]:
        """Ask store and gate at once: where both are Redis they share one round trip.

        Nothing is held for an answer that is not kept any more. Raises what limits refuse.
        """
        try:
            held = await self._rooms.admit.free(asked.call)
        except BaseException:
            look.give_up()
            raise
        kept = None
        try:
            found = await look
            kept = None if found is None else self._fitting(asked, found)
        finally:
            if kept is None:
                self._rooms.settle.unused(held)
        return (None, None) if kept is None else (kept, held)

    async def kept(self, asked: Asked) -> Kept | None:
        """Return what is kept, in the form that is asked for. Raises IdempotencyKeyReused."""
        kept = await self._store.get(asked.key)
        return None if kept is None else self._fitting(asked, kept)

    def _fitting(self, asked: Asked, kept: Kept) -> Kept | None:
        if kept.fingerprint != asked.fingerprint:
            check(asked, kept.fingerprint)
        if kept.shape == asked.shape:
            return kept
        body = self._forms.converted(kept, asked.call, asked.shape)
        if body is None:
            return None
        lines = [line for line in kept.headers if not line.lower().startswith(b"content-type:")]
        if asked.shape.form is Form.WHOLE:
            lines.append(JSON)
        return replace(kept, shape=asked.shape, body=body, headers=tuple(lines))

    async def _fly_along(
        self, asked: Asked, flight: WholeFlight, admission: Admission | None
    ) -> Whole:
        self.counts["coalesced"] += 1
        settle = self._rooms.settle
        began = self._clock.monotonic()
        flight.board()
        try:
            held = admission or await self._rooms.admit.free(asked.call)
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
            ride.admitted(admission or await self._rooms.admit.free(asked.call))
        except BaseException:
            ride.close()
            raise
        return ride

    def _keep(
        self, asked: Asked, headers: list[bytes], body: bytes, deployment: Deployment
    ) -> Awaitable[None] | None:
        if len(body) > self._max_entry_bytes or _stood_in(asked, deployment):
            return None
        shape = asked.shape
        if not self._forms.complete(asked.call, shape.form, body):
            return None
        now = self._clock.now()
        kept = Kept(
            shape,
            tuple(lasting(headers)),
            body,
            deployment.model.id,
            now,
            now + asked.ttl_s,
            asked.fingerprint,
        )
        return self._store.keep(asked.key, kept)


def check(asked: Asked, fingerprint: bytes) -> None:
    """Raise IdempotencyKeyReused where another request came with the key."""
    if fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key came with another request before.",
            param="Idempotency-Key",
            hint="Send each request under a key of its own.",
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
