"""Answers kept for the same question."""

from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.given import MarkedLive, marked
from llmproxy.application.use_cases.replayed.question import Questions, Use, Wish
from llmproxy.application.use_cases.replayed.sharing import Asked, Marks, Rooms, Sharing, Source

STATUS: Final = b"x-llmproxy-cache-status: "
MISS: Final = Marks((STATUS + b"miss",), (STATUS + b"hit",), (STATUS + b"coalesced",))
REFRESH: Final = MISS._replace(first=(STATUS + b"refresh",))
BYPASS: Final = (STATUS + b"bypass",)


class Upstream(Source):
    """A provider, behind the gate."""

    keeps = True

    def __init__(self, rooms: Rooms, call: Call) -> None:
        self._rooms = rooms
        self._call = call

    async def admit(self) -> Admission:
        """Reserve for the call. Raises GatewayError."""
        return await self._rooms.admit(self._call)

    async def answer(self, admission: Admission | None) -> Whole:
        """Ask the provider. Raises GatewayError."""
        return await self._rooms.answer(admission or await self.admit())

    async def stream(self, admission: Admission | None) -> Live:
        """Return the stream; no provider was called yet."""
        return self._rooms.stream(admission or await self.admit())

    async def over(self) -> None:
        """Nothing is held beside the admission, which is settled."""


class Cached:
    """`sharing` is None where no answers are kept."""

    def __init__(self, rooms: Rooms, sharing: Sharing | None) -> None:
        self._rooms = rooms
        self._sharing = sharing
        self._questions = Questions()

    @property
    def keeps(self) -> bool:
        """Whether answers are kept at all."""
        return self._sharing is not None

    async def answer(self, call: Call, wish: Wish) -> Whole:
        """Answer in one piece. Raises GatewayError."""
        source = Upstream(self._rooms, call)
        if self._sharing is None or wish.use in {Use.NONE, Use.BYPASS}:
            whole = await source.answer(None)
            return whole if wish.use is Use.NONE else marked(whole, BYPASS)
        return await self._sharing.answer(self._asked(call, wish), source)

    async def stream(self, call: Call, wish: Wish) -> Live:
        """Answer in events or bytes. Raises GatewayError."""
        source = Upstream(self._rooms, call)
        if self._sharing is None or wish.use in {Use.NONE, Use.BYPASS}:
            live = await source.stream(None)
            return live if wish.use is Use.NONE else MarkedLive(live, BYPASS)
        return await self._sharing.stream(self._asked(call, wish), source)

    async def close(self) -> None:
        """Cancel what is under way."""
        if self._sharing is not None:
            await self._sharing.flights.close()

    def _asked(self, call: Call, wish: Wish) -> Asked:
        # Raises what a caller is told who may not use the model: no answer for it either.
        plan = self._rooms.registry.candidates(call.model, call.caller, call.operation)
        key = self._questions.key(call, wish, plan)
        anew = wish.use is Use.REFRESH
        marks = REFRESH if anew else MISS
        return Asked(call, key, (key, wish.shape), wish.shape, wish.ttl_s, marks, anew=anew)
