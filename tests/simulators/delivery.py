"""Puts an answer on the wire, with the faults that belong to the connection and to time."""

import asyncio
from contextlib import suppress
from enum import Enum

from tests.simulators.answer import Answer, framed
from tests.simulators.disturbance import as_body
from tests.simulators.faults import Fault, FaultKind
from tests.simulators.frames import ClosedError, Heard, Talk
from tests.simulators.http import Connection, chunk_bytes, head_bytes

# Lets what was written reach the client before a reset throws away what was not.
_BEFORE_RESET_S = 0.02


class _At(Enum):
    HEADERS = "before the headers"
    BODY = "after the headers"
    MIDDLE = "in the middle of the body"


class _Act(Enum):
    RESET = "RST"
    CLOSE = "FIN"
    HANG = "nothing more"
    FRAME = "a close frame"
    REPEAT = "the same, without an end"


_INTERRUPTIONS: dict[FaultKind, tuple[_At, _Act]] = {
    FaultKind.RESET_BEFORE_HEADERS: (_At.HEADERS, _Act.RESET),
    FaultKind.CLOSE_BEFORE_HEADERS: (_At.HEADERS, _Act.CLOSE),
    FaultKind.HANG_BEFORE_HEADERS: (_At.HEADERS, _Act.HANG),
    FaultKind.RESET_AFTER_HEADERS: (_At.BODY, _Act.RESET),
    FaultKind.CLOSE_AFTER_HEADERS: (_At.BODY, _Act.CLOSE),
    FaultKind.HANG_AFTER_HEADERS: (_At.BODY, _Act.HANG),
    FaultKind.RESET_MID_STREAM: (_At.MIDDLE, _Act.RESET),
    FaultKind.CUT_MID_STREAM: (_At.MIDDLE, _Act.CLOSE),
    FaultKind.HANG_MID_STREAM: (_At.MIDDLE, _Act.HANG),
    FaultKind.CLOSE_FRAME: (_At.MIDDLE, _Act.FRAME),
    FaultKind.ENDLESS: (_At.MIDDLE, _Act.REPEAT),
    FaultKind.ENDLESS_COMMENTS: (_At.MIDDLE, _Act.REPEAT),
}


_IN_CHUNKS = frozenset((FaultKind.BAD_CHUNKING, FaultKind.ENDLESS, FaultKind.ENDLESS_COMMENTS))
"""Faults that send a plain body in chunks too: its length is not to be known."""


class _InterruptedError(Exception):
    """The fault ended the exchange."""


class Delivery:
    """One answer on its way to one client."""

    def __init__(
        self,
        connection: Connection,
        answer: Answer,
        fault: Fault | None,
        heard: Heard | None = None,
    ) -> None:
        """`heard` is filled by a session."""
        self._connection = connection
        self._talk = Talk(connection, heard or Heard(), self._before_event)
        self._answer = answer
        self._fault = fault or Fault()
        chunked = self._fault.kind in _IN_CHUNKS
        self._chunked = answer.chunked or answer.events is not None or chunked
        self._point = _INTERRUPTIONS.get(self._fault.kind)

    async def send(self) -> bool:
        """Send it. Returns whether it arrived whole; the connection is closed when it did not."""
        try:
            await self._send()
        except _InterruptedError:
            return False
        if self._fault.kind is FaultKind.STALE_KEEP_ALIVE:
            after_s = self._fault.close_after_ms / 1000
            asyncio.get_running_loop().call_later(after_s, self._connection.close)
        if self._answer.declared_bytes is not None:
            self._connection.close()
            return False
        return True

    async def _send(self) -> None:
        await asyncio.sleep(self._fault.delay_ms / 1000)
        await self._perhaps(_At.HEADERS)
        if self._fault.kind is FaultKind.GARBAGE:
            self._connection.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            await self._interrupt(_Act.CLOSE)
        self._connection.write(head_bytes(self._answer.status, self._headers()))
        await self._perhaps(_At.BODY)
        if self._answer.session is not None:
            with suppress(asyncio.IncompleteReadError):
                await self._answer.session.run(self._talk)
            self._connection.close()
            return
        pieces = self._pieces()
        stop_at = min(self._fault.after_events, len(pieces) - 1)
        for index, piece in enumerate(pieces):
            if index == stop_at:
                await self._perhaps(_At.MIDDLE)
            if index and self._fault.chunk_interval_ms:
                await asyncio.sleep(self._fault.chunk_interval_ms / 1000)
            self._connection.write(self._framed(piece, last=index == len(pieces) - 1))
            await self._connection.drain()

    def _framed(self, piece: bytes, *, last: bool) -> bytes:
        """The closing chunk goes with the last piece: who closes on [DONE] took it all."""
        if not self._chunked:
            return piece
        return (chunk_bytes(piece) if piece else b"") + (b"0\r\n\r\n" if last else b"")

    def _headers(self) -> tuple[tuple[str, str], ...]:
        if self._chunked:
            return (*self._answer.headers, ("transfer-encoding", "chunked"))
        if self._answer.session is not None:
            return self._answer.headers
        length = self._answer.declared_bytes
        return (
            *self._answer.headers,
            ("content-length", str(len(self._answer.body) if length is None else length)),
        )

    def _pieces(self) -> list[bytes]:
        if self._fault.kind is FaultKind.SLOW_DRIP:
            return _split(as_body(self._answer), self._fault.drip_bytes)
        if self._answer.events is None:
            return _split(self._answer.body, max(1, (len(self._answer.body) + 1) // 2))
        pieces = [framed(self._answer, event) for event in self._answer.events]
        if self._fault.kind is FaultKind.SSE_COMMENTS:
            pieces = [b": ping\n\n" + piece for piece in pieces]
        if self._fault.kind is FaultKind.SSE_CRLF:
            pieces = [piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for piece in pieces]
        return pieces or [b""]  # a stream without events ends all the same

    def _repeated(self) -> bytes:
        """What comes again and again: an event with content, a comment, or spaces between words."""
        if self._fault.kind is FaultKind.ENDLESS_COMMENTS:
            return b": ping\n\n"
        if self._answer.events is None:
            return b" " * 1024
        at = max(2, min(self._fault.after_events, len(self._answer.events) - 3))
        return framed(self._answer, self._answer.events[at])

    async def _perhaps(self, at: _At) -> None:
        if at is _At.BODY and self._fault.kind is FaultKind.BAD_CHUNKING:
            self._connection.write(b"not-a-number\r\ndata: {}\n\n\r\n")
            await self._interrupt(_Act.CLOSE)
        if self._point is not None and self._point[0] is at:
            await self._interrupt(self._point[1])

    async def _before_event(self, number: int) -> None:
        """Interrupt a session before this event, if the fault says so."""
        if number and self._fault.chunk_interval_ms:
            await asyncio.sleep(self._fault.chunk_interval_ms / 1000)
        if number == self._fault.after_events:
            await self._perhaps(_At.MIDDLE)

    async def _interrupt(self, act: _Act) -> None:
        await self._connection.drain()
        if act is _Act.HANG:
            await asyncio.Event().wait()  # until the client goes away or the simulator stops
        while act is _Act.REPEAT:
            self._connection.write(chunk_bytes(self._repeated()))
            await self._connection.drain()
            await asyncio.sleep(self._fault.chunk_interval_ms / 1000)
        if act is _Act.FRAME:
            await self._talk.close(self._fault.status or 1011, self._fault.reason)
            with suppress(ClosedError):
                while True:
                    await self._talk.receive()
        if act is not _Act.RESET:
            self._connection.close()
        else:
            await asyncio.sleep(_BEFORE_RESET_S)
            self._connection.reset()
        raise _InterruptedError


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]
