"""One timer for all connections: those that are idle or make no progress are closed.

A timer per request, as uvicorn keeps it, is paid by every request; a look once a second at the
connections is not.
"""

import asyncio
from typing import ClassVar, Protocol
from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

LOOK_EVERY_S = 1.0
HEAD_TIMEOUT_S = 30.0
WRITE_TIMEOUT_S = 60.0


class Watched(Protocol):
    """What the reaper needs to know of a connection."""

    silent_since: float
    in_head: bool
    unsent_bytes: int
    unsent_since: float
    head_timeout_s: ClassVar[float]
    write_timeout_s: ClassVar[float]
    timeout_keep_alive: int
    transport: asyncio.Transport

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer and close."""


class Reaper:
    """Closes what makes no progress.

    An idle connection after uvicorn's keep-alive limit, a half-sent head after 30 s, and one whose
    client takes nothing of its answer after 60 s.
    """

    _reapers: ClassVar[WeakKeyDictionary[ServerState, "Reaper"]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, state: ServerState, loop: asyncio.AbstractEventLoop) -> "Reaper":
        """Return the reaper of one server, made at its first connection."""
        reaper = cls._reapers.get(state)
        if reaper is None:
            reaper = cls._reapers[state] = cls(loop)
        return reaper

    def watch(self, connection: Watched) -> None:
        """Look after a connection until it closes."""
        self._watched.add(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self._watched = {each for each in self._watched if not _over(each.transport)}
        for connection in self._watched:
            self._judge_writing(connection, now)
            if not connection.transport.is_closing():
                self._judge_reading(connection, now)
        again = bool(self._watched)
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look) if again else None

    @staticmethod
    def _judge_writing(connection: Watched, now: float) -> None:
        """Also while it closes, which waits for what is unsent."""
        unsent_bytes = connection.transport.get_write_buffer_size()
        if not unsent_bytes or unsent_bytes != connection.unsent_bytes:
            connection.unsent_bytes = unsent_bytes
            connection.unsent_since = now
        elif now - connection.unsent_since > connection.write_timeout_s:
            connection.transport.abort()

    @staticmethod
    def _judge_reading(connection: Watched, now: float) -> None:
        if connection.silent_since == 0.0:
            return
        silent_s = now - connection.silent_since
        if connection.in_head:
            if silent_s > connection.head_timeout_s:
                message = f"The request head did not arrive within {connection.head_timeout_s:g} s."
                connection.refuse(408, "request_timeout", message)
        elif silent_s > connection.timeout_keep_alive:
            connection.transport.close()


def _over(transport: asyncio.Transport) -> bool:
    return transport.is_closing() and not transport.get_write_buffer_size()
