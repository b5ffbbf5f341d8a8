"""Calls that several may wait for: each runs in a task of its own until the last one has left."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Boarding, Source
from llmproxy.domain.errors import Broken, GatewayError, Unavailable
from llmproxy.domain.frames import forget_frames

logger = logging.getLogger("llmproxy")

NOT_KEPT: Final = "an answer could not be kept"
LANDING_S: Final = 1.0
"""How long the end of the gateway waits for answers that are just being kept."""
Keep = Callable[[Asked, list[bytes], bytes, Deployment], "asyncio.Future[Any] | None"]
"""Begins to keep header lines and a body that somebody answered.

What it returns is done when they are kept, or cannot be; None where there is nothing to wait for.
"""

Answered = tuple[list[bytes], bytes, Deployment]
"""Header lines and a body, and who answered."""


class Flight:
    """`riders` wait for it; when the last of them leaves before the end, it is cancelled."""

    # What a flight begins with; kept on the class, because setting it all costs more.
    ended = False
    outcome: Whole | None = None
    error: Exception | None = None
    task: asyncio.Task[None] | None = None
    riders = 0

    def __init__(
        self,
        table: "Flights",
        asked: Asked,
        source: Source,
        admission: Admission | None,
        keep: Keep,
    ) -> None:
        self.asked = asked
        self.source = source
        self._table = table
        self._admission = admission
        self._keep = keep

    def start(self) -> None:
        """Take off; whoever asks the same from now on may board."""
        table = self._table
        table.boarding[self.asked.boarding] = self
        table.running.add(self)
        self.task = asyncio.get_running_loop().create_task(self._fly())

    def board(self) -> None:
        """Wait for it too; `leave` once for each."""
        self.riders += 1

    def leave(self) -> None:
        """Wait no longer."""
        self.riders -= 1
        if not self.riders and not self.ended:
            self.retire()
            self.cancel()

    def cancel(self) -> None:
        """End it early; who still waits is told that the gateway is stopping."""
        if self.task is not None:
            # Not at once: a task that is cancelled before its first step never runs at all, and
            # what it was given would never be settled.
            asyncio.get_running_loop().call_soon(self.task.cancel)

    def retire(self) -> None:
        """Let nobody board any more."""
        boarding = self._table.boarding
        if boarding.get(self.asked.boarding) is self:
            del boarding[self.asked.boarding]

    async def _fly(self) -> None:
        try:
            try:
                self.outcome = await self._run()
            except GatewayError as error:
                self.error = error
                forget_frames(error)
            except asyncio.CancelledError:
                self.error = stopping()
                raise
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                self.error = error
            finally:
                self.ended = True
                self._tell()
            keeping = self._kept()
            if keeping is not None:
                self._table.land(keeping)
                await asyncio.wait([keeping])
        finally:
            self.retire()
            try:
                if self.source.holds:
                    await self.source.over()
            finally:
                self._table.running.discard(self)
                self.task = None  # a cancelled one holds where it was

    def _kept(self) -> "asyncio.Future[Any] | None":
        """Begin to keep the answer; whoever asks until that is done still boards.

        What breaks is logged, and costs nobody the answer, which was paid for.
        """
        try:
            answered = self._answered() if self.source.keeps else None
            if answered is not None:
                return self._keep(self.asked, *answered)
        except Exception:
            logger.exception(NOT_KEPT)
        return None

    @abstractmethod
    def _run(self) -> Coroutine[Any, Any, Whole | None]:
        """Do what is waited for. Raises what all are to be told."""

    @abstractmethod
    def _answered(self) -> Answered | None:
        """Return the whole answer, None where there is none."""

    @abstractmethod
    def _tell(self) -> None:
        """Wake all who wait."""


class Flights:
    """Those under way; each holds `max_bytes` for those who board late.

    `boarding` are those that may be boarded, by what they answer; a newer one takes an older one's
    place.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.running: set[Flight] = set()
        self.boarding: dict[Boarding, Flight] = {}
        self._landings: set[asyncio.Future[Any]] = set()

    def __len__(self) -> int:
        """Return how many may be boarded."""
        return len(self.boarding)

    def land(self, keeping: "asyncio.Future[Any]") -> None:
        """Have the end of the gateway wait for an answer that is being kept."""
        self._landings.add(keeping)
        keeping.add_done_callback(self._landings.discard)

    async def close(self) -> None:
        """Have kept what has come, and cancel the rest.

        Who still waits is told that the gateway is stopping.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LANDING_S):
                while self._landings:
                    await asyncio.wait(self._landings)
        for flight in self.running:
            flight.cancel()
        tasks = [flight.task for flight in self.running if flight.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)


def stopping() -> Unavailable:
    """Return what those are told who wait when the gateway ends."""
    return Unavailable("The gateway is stopping.", retry_after_s=1.0)


class WholeFlight(Flight):
    """An answer in one piece."""

    _waiting: "tuple[asyncio.Future[None], ...]" = ()

    def arrival(self) -> "asyncio.Future[None]":
        """Return what is done when the flight has `ended`."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting = (*self._waiting, waiting)
        return waiting

    def answer(self) -> Whole:
        """Return the answer, once the flight has `ended`. Raises what the call raised."""
        if self.outcome is None:
            raise self.error or Broken("The answer was lost.")
        return self.outcome

    def _run(self) -> Coroutine[Any, Any, Whole]:
        return self.source.answer(self._admission)

    def _answered(self) -> Answered | None:
        whole = self.outcome
        if whole is None:
            return None
        return whole.reply.headers, whole.reply.body, whole.deployment

    def _tell(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
