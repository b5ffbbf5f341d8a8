"""What answers kept for a question and those kept for an `Idempotency-Key` share.

An answer is looked for among those under way, then among those kept; else it is asked for, in a
flight that others may board. Who is served without a provider of their own is admitted as one
request that uses nothing, and has a row of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import (
    AnswerForms,
    Form,
    Kept,
    ResponseCache,
    Shape,
)
from llmproxy.application.interfaces.upstream import Deployment, Reply
from llmproxy.application.registry import Registry
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.application.use_cases.replayed.flights import (
    Boarding,
    Flight,
    Flights,
    Ticket,
    WholeFlight,
)
from llmproxy.application.use_cases.replayed.given import Given, GivenLive, lasting, marked
from llmproxy.application.use_cases.replayed.ride import Ride
from llmproxy.application.use_cases.replayed.streams import StreamFlight
from llmproxy.domain.errors import GatewayError, IdempotencyKeyReused

JSON = b"content-type: application/json"


class Rooms(NamedTuple):
    """The rooms behind the desk; `answer` and `stream` take calls that passed the gate."""

    registry: Registry
    admit: Admit
    settle: Settle
    answer: Callable[[Admission], Awaitable[Whole]]
    stream: Callable[[Admission], Live]


class Source(Protocol):
    """Where an answer comes from that nobody has; `keeps` says whether it is to be kept."""

    keeps: bool

    async def admit(self) -> Admission | None:
        """Let the call through the gate, where that is not part of answering. Raises."""

    async def answer(self, admission: Admission | None) -> Whole:
        """Answer in one piece. Raises GatewayError."""

    async def stream(self, admission: Admission | None) -> Live:
        """Answer in events. Raises GatewayError."""

    async def over(self) -> None:
        """Let go of what was held for the call: it has ended, and its answer is kept or not."""


class Marks(NamedTuple):
    """What the head of an answer says of where it is from: asked for, kept, or under way."""

    first: tuple[bytes, ...]
    again: tuple[bytes, ...]
    along: tuple[bytes, ...]


@dataclass(slots=True)
class Asked:
    """What is asked: `boarding` is what flights for it go by, `anew` looks for no other answer."""

    call: Call
    key: bytes
    boarding: Boarding
    shape: Shape
    ttl_s: float
    marks: Marks
    fingerprint: bytes = b""
    anew: bool = False


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
        self.counts = {"hits": 0, "misses": 0, "coalesced": 0}

    async def answer(self, asked: Asked, source: Source) -> Whole:
        """Answer in one piece. Raises GatewayError."""
        kept, flight, admission = await self._find(asked, source)
        if kept is not None:
            return await self.again(asked, kept)
        if isinstance(flight, WholeFlight):
            return await self._fly_along(asked, flight, admission)
        self.counts["misses"] += 1
        first = WholeFlight(
            self.flights,
            Ticket(asked.boarding, asked.fingerprint, source.over),
            partial(source.answer, admission),
            partial(self._keep_whole, asked, source),
        )
        first.board()
        first.start()
        try:
            return marked(await first.wait(), asked.marks.first)
        finally:
            first.leave()

    async def stream(self, asked: Asked, source: Source) -> Live:
        """Answer in events or bytes. Raises GatewayError."""
        kept, flight, admission = await self._find(asked, source)
        if kept is not None:
            return await self.again_live(asked, kept)
        if isinstance(flight, StreamFlight):
            return await self._ride_along(asked, flight, admission)
        self.counts["misses"] += 1
        first = StreamFlight(
            self.flights,
            Ticket(asked.boarding, asked.fingerprint, source.over),
            partial(source.stream, admission),
            partial(self._keep_stream, asked, source),
        )
        ride = Ride(first, self._rooms.settle, self._clock, asked.marks.first)
        first.start()
        return ride

    async def again(self, asked: Asked, kept: Kept) -> Whole:
        """Give a kept answer in one piece. Raises what limits refuse."""
        held = await self._free(asked.call)
        reply = Reply(self._lines(kept, asked), kept.body, None)
        return Given(reply, _answered(held, kept), 0, 0.0, held.reservation.quota)

    async def again_live(self, asked: Asked, kept: Kept) -> Live:
        """Give a kept stream. Raises what limits refuse."""
        held = await self._free(asked.call)
        quota = held.reservation.quota
        return GivenLive(self._lines(kept, asked), kept.body, _answered(held, kept), quota)

    async def _find(
        self, asked: Asked, source: Source
    ) -> tuple[Kept | None, Flight | None, Admission | None]:
        """Return what is kept, else a flight to board, else that the call may ask for itself."""
        if asked.anew:
            return None, None, await source.admit()
        flight = self._under_way(asked)
        if flight is None:
            kept = await self.kept(asked)
            if kept is not None:
                return kept, None, None
            # Who took off in the meantime lands behind this look at what is kept.
            flight = self._under_way(asked)
        if flight is not None:
            return None, flight, None
        admission = await source.admit()
        return None, self._under_way(asked), admission

    def _under_way(self, asked: Asked) -> Flight | None:
        flight = self.flights.get(asked.boarding)
        if flight is not None:
            check(asked, flight.fingerprint)
        return flight

    async def kept(self, asked: Asked) -> Kept | None:
        """Return what is kept, in the form that is asked for. Raises IdempotencyKeyReused."""
        kept = await self._store.get(asked.key)
        if kept is None:
            return None
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

    async def _free(self, call: Call) -> Admission:
        admission = await self._rooms.admit.free(call)
        self._rooms.settle.cached(admission)
        self.counts["hits"] += 1
        return admission

    def _lines(self, kept: Kept, asked: Asked) -> list[bytes]:
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
            held = admission or await self._rooms.admit.free(asked.call)
            try:
                whole = await flight.wait()
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

    async def _keep_whole(self, asked: Asked, source: Source, whole: Whole) -> None:
        reply = whole.reply
        if source.keeps:
            await self._keep(asked, reply.headers, reply.body, whole.deployment)

    async def _keep_stream(self, asked: Asked, source: Source, live: Live, body: bytes) -> None:
        if source.keeps and live.deployment is not None:
            await self._keep(asked, live.headers, body, live.deployment)

    async def _keep(
        self, asked: Asked, headers: list[bytes], body: bytes, deployment: Deployment
    ) -> None:
        if len(body) > self._max_entry_bytes:
            return
        if not self._forms.complete(asked.call, asked.shape.form, body):
            return
        now = self._clock.now()
        kept = Kept(
            asked.shape,
            tuple(lasting(headers)),
            body,
            deployment.model.id,
            now,
            now + asked.ttl_s,
            asked.fingerprint,
        )
        await self._store.keep(asked.key, kept)


def check(asked: Asked, fingerprint: bytes) -> None:
    """Raise IdempotencyKeyReused where another request came with the key."""
    if fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key came with another request before.",
            param="Idempotency-Key",
            hint="Send each request under a key of its own.",
        )


def _answered(admission: Admission, kept: Kept) -> Deployment:
    plan = admission.plan
    return next((each for each in plan if each.model.id == kept.deployment), plan[0])
