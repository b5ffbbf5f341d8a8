"""How many requests are served at once, and how much of their bodies is in memory.

The gate between authentication and a request's body. A request takes its room here before its body
is read, and has it until it ends, streams included. Where there is no room it waits in a bounded
queue, in which projects share by their weights; where it must not wait either it is refused at
once, before its body is read and before anything of it is counted or journalled.

Every body is either small or large. Large ones leave a reserve to the small, so that few of them,
sent slowly, do not stop everybody. One that has no room waits for it, and no other large one passes
it; small ones may, but hold no more than the reserve meanwhile, so that its time comes.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import uniform
from typing import Final, NamedTuple

from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.fair_queue import FairQueue, Place
from llmproxy.infra.controllers.visit import Visit

SMALL_BYTES: Final = 64 * 1024
"""What the server has read of a body anyway before anybody asks for it (`infra/server`)."""
RESERVE: Final = 8
"""The part of all bytes, one of so many, that large bodies leave to small ones."""
RETRY_S: Final = (1.0, 3.0)
"""When the refused are told to come back: spread, since neither official SDK adds any spread to
what `retry-after` says (openai-python `_base_client.py`, 3.54.0: `_calculate_retry_timeout`)."""
Weight = Callable[[str], float]


class Bounds(NamedTuple):
    """Of one worker. With `queued` 0 nobody waits; `body_bytes` is at least the largest body."""

    requests: int
    body_bytes: int
    queued: int
    queue_timeout_s: float


@dataclass(slots=True)
class Refused:
    """How many were refused since the start, by cause."""

    queue_full: int = 0
    pushed_out: int = 0
    """They waited, and went for a project that had less of a full queue."""
    timeout: int = 0
    growth: int = 0
    """Bodies without a declared size, for whose growth there was no room."""
    stopping: int = 0


@dataclass(slots=True, eq=False)
class _Waiting:
    size: int
    let_in: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Whether, once that is decided. No exception: nobody may be left to take it."""
    holds: bool = False


class Crowd:
    """All requests of the data plane that are served now, and those that wait to be.

    `weight_of` tells the weight of a project. Callers without a project share as if each key were
    one of weight 1, all who call without a key together.
    """

    def __init__(self, bounds: Bounds, weight_of: Weight = lambda _: 1.0) -> None:
        self.bounds = bounds
        self.running = 0
        self.held_bytes = 0
        self.refused = Refused()
        self.left = 0
        self._most_requests = bounds.requests
        self._most_bytes = bounds.body_bytes
        self._most_queued = bounds.queued
        self._large_bytes = 0
        self._weight_of = weight_of
        self._queue: FairQueue[_Waiting] = FairQueue()

    async def admit(self, visit: Visit, caller: Caller, size: int) -> None:
        """Take room for one request, whose body will hold `size` bytes (0: that is not known).

        Whoever ends the visit gives it back. Raises Unavailable.
        """
        if not self.enter(visit, size):
            await self.wait(visit, caller, size)

    def enter(self, visit: Visit, size: int) -> bool:
        """Take room at once, if nobody waits for it; return whether it was taken."""
        held = self.held_bytes + size
        if self._queue.length or held > self._most_bytes or self.running >= self._most_requests:
            return False
        if size > SMALL_BYTES:
            if not self._has_room(0, size):
                return False
            self._large_bytes += size
        self.running += 1
        self.held_bytes = held
        visit.crowd = self
        visit.held_bytes = size
        return True

    def grow(self, held: int, wanted: int) -> None:
        """Take room for a body that turns out to be larger. Raises Unavailable.

        It does not wait: what holds a part while it waits for more could wait for its like.
        """
        short = self._queue.length and self.running < self._most_requests
        if not self._has_room(held, wanted) or (short and wanted > SMALL_BYTES):
            self.refused.growth += 1
            raise overloaded()
        self.held_bytes += wanted - held
        if wanted > SMALL_BYTES:
            self._large_bytes += wanted - _large(held)

    def _has_room(self, held: int, wanted: int) -> bool:
        """Whether a body may hold so many bytes instead of what it holds."""
        if self.held_bytes - held + wanted > self._most_bytes:
            return False
        others = self._large_bytes - _large(held)
        most = self._most_bytes - self._most_bytes // RESERVE
        return wanted <= SMALL_BYTES or not others or others + wanted <= most

    def leave(self, held: int) -> None:
        """Give back the room of a request that held so many bytes."""
        self.running -= 1
        self.held_bytes -= held
        if held > SMALL_BYTES:
            self._large_bytes -= held
        if self._queue.length:
            self._let_in()

    def close(self) -> None:
        """Let nobody wait any more: the server stops."""
        self._most_queued = 0
        for place in tuple(self._queue):
            if place.queued:
                self.refused.stopping += 1
                self._dismiss(place)

    def figures(self) -> dict[str, float]:
        """Return how it stands, for metrics."""
        refused = self.refused
        return {
            "running": self.running,
            "running_most": self._most_requests,
            "queued": self._queue.length,
            "queued_most": self._most_queued,
            "body_bytes": self.held_bytes,
            "body_bytes_most": self._most_bytes,
            "refused_queue_full": refused.queue_full,
            "refused_pushed_out": refused.pushed_out,
            "refused_timeout": refused.timeout,
            "refused_growth": refused.growth,
            "refused_stopping": refused.stopping,
            "left_queue": self.left,
        }

    async def wait(self, visit: Visit, caller: Caller, size: int) -> None:
        """Take room as soon as there is some, behind those that wait. Raises Unavailable."""
        place = self._joined(caller, size)
        if place is not None:
            await self._turn_of(visit, place)
        visit.crowd = self
        visit.held_bytes = size

    async def _turn_of(self, visit: Visit, place: Place[_Waiting]) -> None:
        visit.follow_client_early()
        timer = asyncio.get_running_loop().call_later(
            self.bounds.queue_timeout_s, self._give_up, place
        )
        try:
            if not await place.item.let_in:
                raise overloaded()
        except asyncio.CancelledError:
            self.left += 1
            if place.item.holds:
                self.leave(place.item.size)
            else:
                self._out(place)
            raise
        finally:
            timer.cancel()

    def _joined(self, caller: Caller, size: int) -> Place[_Waiting] | None:
        """Return its place in the queue; None when it has room at once. Raises Unavailable."""
        turns = max(1.0, size * self._most_requests / self._most_bytes)
        flow, weight = self._share_of(caller)
        place = self._queue.join(_Waiting(size), flow, weight=weight, cost=turns)
        self._let_in()
        if self._queue.length > self._most_queued:
            last = self._queue.last_of_longest(place)
            if last is place:
                self._out(place)
                self.refused.queue_full += 1
                raise overloaded()
            self.refused.pushed_out += 1
            self._dismiss(last)
        return None if place.item.holds else place

    def _share_of(self, caller: Caller) -> tuple[Hashable, float]:
        """Return who waits together, and their weight.

        What a caller without a key says of its project is not asked: it could say a new one each
        time.
        """
        if caller.project is None:
            return (caller.key_id,), 1.0
        return caller.project, self._weight_of(caller.project)

    def _let_in(self) -> None:
        """Give room to those whose turn it is, as long as there is some."""
        while self.running < self._most_requests:
            place = self._next()
            if place is None:
                return
            waiting = place.item
            self._queue.go(place)
            self.running += 1
            self.held_bytes += waiting.size
            self._large_bytes += _large(waiting.size)
            waiting.holds = True
            if not waiting.let_in.done():
                waiting.let_in.set_result(True)

    def _next(self) -> Place[_Waiting] | None:
        """Return whose turn it is, None where there are no bytes for anybody who may go now."""
        reserve = -1
        for place in self._queue.firsts():
            size = place.item.size
            if reserve < 0:
                if self._has_room(0, size):
                    return place
                if size <= SMALL_BYTES:
                    return None
                reserve = min(self._most_bytes // RESERVE, self._most_bytes - size)
            elif size <= SMALL_BYTES:
                small = self.held_bytes - self._large_bytes + size
                return place if small <= reserve and self._has_room(0, size) else None
        return None

    def _give_up(self, place: Place[_Waiting]) -> None:
        if place.queued:
            self.refused.timeout += 1
            self._dismiss(place)

    def _dismiss(self, place: Place[_Waiting]) -> None:
        """Refuse one that waits."""
        waiting = place.item
        if not waiting.let_in.done():
            waiting.let_in.set_result(False)
        self._out(place)

    def _out(self, place: Place[_Waiting]) -> None:
        """Take one out of the queue; whom it stood in the way of may go now."""
        if place.queued:
            self._queue.leave(place)
            self._let_in()


def _large(size: int) -> int:
    """Return what of a body counts as held by large ones: all of it or nothing."""
    return size if size > SMALL_BYTES else 0


def overloaded() -> Unavailable:
    """Return the refusal of a request for which there is no room."""
    return Unavailable(
        "The gateway is serving as many requests as it may.",
        code="overloaded",
        retry_after_s=uniform(*RETRY_S),  # noqa: S311 - a spread, nothing secret
    )
