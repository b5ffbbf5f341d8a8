"""Calls that several may wait for: each runs in a task of its own until the last one has left."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.domain.errors import Broken, GatewayError, Unavailable

Boarding = Hashable
LANDING_S: Final = 1.0
"""How long the end of the gateway waits for answers that are just being kept."""


class Ticket(NamedTuple):
    """What a flight is for: what others board it by, and the request that it answers.

    `over` is called at its end, however it ended.
    """

    boarding: Boarding
    fingerprint: bytes
    over: Callable[[], Awaitable[None]]


class Flight:
    """`riders` wait for it; when the last of them leaves before the end, it is cancelled."""

    def __init__(self, table: "Flights", ticket: Ticket) -> None:
        self.fingerprint = ticket.fingerprint
        self.riders = 0
        self.ended = False
        self.error: Exception | None = None
        self._table = table
        self._key = ticket.boarding
        self._over = ticket.over
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take off; whoever asks the same from now on may board."""
        self._table.add(self._key, self)
        self._task = asyncio.create_task(self._fly())
        self._table.running.add(self._task)
        self._task.add_done_callback(self._table.running.discard)

    def board(self) -> None:
        """Wait for it too; `leave` once for each."""
        self.riders += 1

    def leave(self) -> None:
        """Wait no longer."""
        self.riders -= 1
        if not self.riders and not self.ended and self._task is not None:
            self.retire()
            # Not at once: a task that is cancelled before its first step never runs at all, and
            # what it was given would never be settled.
            asyncio.get_running_loop().call_soon(self._task.cancel)

    def retire(self) -> None:
        """Let nobody board any more."""
        self._table.remove(self._key, self)

    async def _fly(self) -> None:
        try:
            await self._journey()
        finally:
            self.retire()
            await self._over()

    async def _journey(self) -> None:
        try:
            await self._run()
        except GatewayError as error:
            self.error = error
        except asyncio.CancelledError:
            self.error = Unavailable("The gateway is stopping.", retry_after_s=1.0)
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self.error = error
        finally:
            self.ended = True
            self._tell()
        with self._table.landing():
            await self._land()

    @abstractmethod
    async def _run(self) -> None:
        """Do what is waited for. Raises what all are to be told."""

    @abstractmethod
    async def _land(self) -> None:
        """Have the answer kept; nobody waits for this, but whoever asks now still boards."""

    @abstractmethod
    def _tell(self) -> None:
        """Wake all who wait."""


class Flights:
    """Those under way, by what they answer; each holds `max_bytes` for those who board late."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.running: set[asyncio.Task[None]] = set()
        self._flights: dict[Boarding, Flight] = {}
        self._landing = 0

    def __len__(self) -> int:
        """Return how many may be boarded."""
        return len(self._flights)

    def get(self, key: Boarding) -> Flight | None:
        """Return the one that answers this, None when there is none to board."""
        return self._flights.get(key)

    def add(self, key: Boarding, flight: Flight) -> None:
        """Let it be found; a newer one takes an older one's place."""
        self._flights[key] = flight

    def remove(self, key: Boarding, flight: Flight) -> None:
        """Let it be found no longer."""
        if self._flights.get(key) is flight:
            del self._flights[key]

    @contextmanager
    def landing(self) -> Generator[None, None, None]:
        """Count an answer that everybody has, and that is being kept."""
        self._landing += 1
        try:
            yield
        finally:
            self._landing -= 1

    async def close(self) -> None:
        """Have kept what has come, and cancel the rest.

        Who still waits is told that the gateway is stopping.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LANDING_S):
                while self._landing:
                    await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
        running = list(self.running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class WholeFlight(Flight):
    """An answer in one piece."""

    def __init__(
        self,
        table: Flights,
        ticket: Ticket,
        answer: Callable[[], Awaitable[Whole]],
        landed: Callable[[Whole], Awaitable[None]],
    ) -> None:
        super().__init__(table, ticket)
        self._answer = answer
        self._landed = landed
        self._waiting: list[asyncio.Future[None]] = []
        self._whole: Whole | None = None

    async def wait(self) -> Whole:
        """Return the answer. Raises what the call raised."""
        if not self.ended:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        if self._whole is None:
            raise self.error or Broken("The answer was lost.")
        return self._whole

    async def _run(self) -> None:
        self._whole = await self._answer()

    async def _land(self) -> None:
        if self._whole is not None:
            await self._landed(self._whole)

    def _tell(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
