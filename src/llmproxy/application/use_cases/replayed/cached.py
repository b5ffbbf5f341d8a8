"""Answers kept for the same question."""

from collections.abc import Coroutine
from typing import Any, Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Marks, Source
from llmproxy.application.use_cases.replayed.given import MarkedLive, marked
from llmproxy.application.use_cases.replayed.question import Questions, Use, Wish
from llmproxy.application.use_cases.replayed.sharing import Rooms, Sharing

STATUS: Final = b"x-llmproxy-cache-status: "
MISS: Final = Marks((STATUS + b"miss",), (STATUS + b"hit",), (STATUS + b"coalesced",))
REFRESH: Final = MISS._replace(first=(STATUS + b"refresh",))
BYPASS: Final = (STATUS + b"bypass",)


class Upstream(Source):
    """A provider, behind the gate."""

    keeps = True
    holds = False
    """Nothing beside the admission, which is settled."""

    def __init__(self, rooms: Rooms, call: Call) -> None:
        self._rooms = rooms
        self._call = call

    def admit(self, *, quietly: bool = False) -> Coroutine[Any, Any, Admission]:
        """Reserve for the call. Raises GatewayError."""
        return self._rooms.admit(self._call, quietly=quietly)

    def answer(self, admission: Admission | None) -> Coroutine[Any, Any, Whole]:
        """Ask the provider. Raises GatewayError."""
        return self.ask() if admission is None else self._rooms.answer(admission)

    async def ask(self) -> Whole:
        """Reserve for the call and ask the provider. Raises GatewayError."""
        return await self._rooms.answer(await self.admit())

    async def stream(self, admission: Admission | None) -> Live:
        """Return the stream; no provider was called yet."""
        return self._rooms.stream(admission or await self.admit())

    async def over(self) -> None:
        """Let go of nothing."""


class Cached:
    """`sharing` is None where no answers are kept."""

    def __init__(self, rooms: Rooms, sharing: Sharing | None) -> None:
        self._rooms = rooms
        self._sharing = sharing
        self._questions = Questions()
        rooms.registry.installed.append(self._questions.forget)

    @property
    def keeps(self) -> bool:
        """Whether answers are kept at all."""
        return self._sharing is not None

    def answer(self, call: Call, wish: Wish) -> Coroutine[Any, Any, Whole]:
        """Answer in one piece. Raises GatewayError."""
        source = Upstream(self._rooms, call)
        asked = self._asked(call, wish)
        if asked is None or self._sharing is None:
            return source.ask() if wish.use is Use.NONE else _passed_by(source)
        return self._sharing.answer(asked, source)

    def stream(self, call: Call, wish: Wish) -> Coroutine[Any, Any, Live]:
        """Answer in events or bytes. Raises GatewayError."""
        source = Upstream(self._rooms, call)
        asked = self._asked(call, wish)
        if asked is None or self._sharing is None:
            return source.stream(None) if wish.use is Use.NONE else _streamed_by(source)
        return self._sharing.stream(asked, source)

    async def close(self) -> None:
        """Cancel what is under way."""
        if self._sharing is not None:
            await self._sharing.flights.close()

    def _asked(self, call: Call, wish: Wish) -> Asked | None:
        """Return what is asked of those who share answers, None where nothing is to be kept."""
        use = wish.use
        if self._sharing is None or use is Use.NONE or use is Use.BYPASS:
            return None
        # Raises what a caller is told who may not use the model: no answer for it either.
        plan = wish.plan or self._rooms.registry.candidates(call.model, call.caller, call.operation)
        key = self._questions.key(call, wish, plan)
        shape = wish.shape
        anew = use is Use.REFRESH
        marks = REFRESH if anew else MISS
        return Asked(
            call,
            key,
            (key, shape),
            shape,
            wish.ttl_s,
            marks,
            b"",
            anew,
            wish.likely,
            wish.presence,
            plan,
        )


async def _passed_by(source: Upstream) -> Whole:
    return marked(await source.ask(), BYPASS)


async def _streamed_by(source: Upstream) -> Live:
    return MarkedLive(await source.stream(None), BYPASS)
