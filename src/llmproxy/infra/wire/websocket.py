"""One end of a WebSocket over a connection that has switched to it (RFC 6455).

Frames are parsed and written by websockets' sans-I/O protocol; this adds the waiting, the bounds
and the time limits. Extensions are never negotiated, so that payloads pass as they are.
"""

import asyncio
import logging
from base64 import b64encode
from collections import deque
from hashlib import sha1
from typing import Protocol

from typing_extensions import override
from websockets.frames import Close, CloseCode, Opcode
from websockets.frames import Frame as WireFrame
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side, State

from llmproxy.application.interfaces.talk import (
    CONTINUATION,
    NO_CODE,
    VANISHED,
    Ending,
    Frame,
    Talk,
)
from llmproxy.domain.frames import forget_frames

HIGH_WATER_BYTES = 256 * 1024
FRAME_COST_BYTES = 64
"""What a frame counts beside its payload, so that a flood of empty ones is bounded too."""
CLOSE_S = 3.0
"""How long a peer may take to answer a close frame and to end the connection, once it keeps up."""
PING_EVERY_S = 20.0
SILENT_S = 60.0
"""A peer that sends nothing for this long, not even an answer to a ping, is gone."""
STALL_S = 60.0
"""How long a peer may take nothing of what is sent. Meanwhile nothing is read for it, so that an
end of the other side may not be noticed earlier.
"""
MAX_REASON_BYTES = 123
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_logger = logging.getLogger("llmproxy.websocket")
_logger.setLevel(logging.WARNING)


class Line(Protocol):
    """The connection below, as far as a WebSocket needs it."""

    @property
    def write_paused(self) -> bool:
        """Whether the peer does not keep up."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def drain(self) -> None:
        """Wait until the peer keeps up, or is gone."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again."""

    def end(self) -> None:
        """Send what is unsent, then the end of the stream."""

    def abort(self) -> None:
        """Close at once."""


class WebSocket(Talk):
    """`feed` and `lost` are called by the connection, the rest by whoever talks."""

    def __init__(self, line: Line, *, is_client: bool, max_message_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._frames = Frames(
            Side.CLIENT if is_client else Side.SERVER,
            state=State.OPEN,
            max_size=max_message_bytes,
            logger=_logger,
        )
        self._arrived: deque[Frame] = deque()
        self._size = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._ending: Ending | None = None
        self._seen_at = self._loop.time()
        self._timer = self._loop.call_later(PING_EVERY_S, self._beat)
        self._deadline: asyncio.TimerHandle | None = None
        self._within = False
        self._broken = asyncio.Event()

    # ---------------------------------------------------------------------- the connection's side

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        frames = self._frames
        self._seen_at = self._loop.time()
        frames.receive_data(data)
        for event in frames.events_received():
            if isinstance(event, WireFrame) and event.opcode in _DATA:
                payload = event.data
                whole = payload if isinstance(payload, bytes) else bytes(payload)
                self._arrived.append(Frame(int(event.opcode), whole, event.fin))
                self._size += len(whole) + FRAME_COST_BYTES
        if frames.state is State.OPEN and self._line.write_paused:
            # Only answers to pings: not collected for a peer that pings and does not read.
            frames.data_to_send()
        self._flush()
        self._look()
        if self._size > HIGH_WATER_BYTES and not self._paused and self._ending is None:
            self._paused = True
            self._line.pause()

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._timer.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        if self._ending is None:
            self._ending = Ending(VANISHED, "", by_peer=True)
            self._broken.set()
        self._wake()
        self._frames.parser.close()  # it holds the protocol that holds it
        if self._frames.parser_exc is not None:
            forget_frames(self._frames.parser_exc)

    # ------------------------------------------------------------------------- the talker's side

    @override
    async def receive(self) -> Frame | None:
        while not self._arrived:
            if self._ending is not None:
                return None
            self._waiter = self._loop.create_future()
            await self._waiter
        frame = self._arrived.popleft()
        self._size -= len(frame.data) + FRAME_COST_BYTES
        if self._paused and self._size < HIGH_WATER_BYTES // 2:
            self._paused = False
            self._seen_at = self._loop.time()
            self._line.resume()
        return frame

    @override
    async def broken(self) -> None:
        await self._broken.wait()

    @override
    async def send(self, frame: Frame) -> None:
        if self._frames.state is not State.OPEN:
            return
        if self._within and frame.opcode != CONTINUATION:
            return  # a message of our own cannot stand within the other side's unfinished one
        self._within = not frame.final
        self._frames.send_frame(WireFrame(Opcode(frame.opcode), frame.data, frame.final))
        self._flush()
        if self._line.write_paused:
            try:
                async with asyncio.timeout(STALL_S):
                    await self._line.drain()
            except TimeoutError:
                self._line.abort()

    @override
    def close(self, code: int, reason: str = "") -> None:
        if self._frames.state is not State.OPEN or self._ending is not None:
            return
        said = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        self._ending = Ending(code, said, by_peer=False)
        self._broken.set()
        self._frames.send_close(*(() if code == NO_CODE else (code, said)))
        self._flush()
        self._look()

    @property
    @override
    def ending(self) -> Ending | None:
        return self._ending

    # ------------------------------------------------------------------------------------ inside

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._line.write(data)
            else:
                self._line.end()

    def _look(self) -> None:
        """Wake the reader for what has arrived; bound the closing handshake once it has begun."""
        frames = self._frames
        if frames.state is not State.OPEN:
            if self._ending is None:
                self._ending = _ending(frames)
                if not self._ending.by_peer:
                    self._broken.set()
            if self._paused:
                self._paused = False
                self._line.resume()
            if self._deadline is None:
                self._timer.cancel()
                gives_up_at = self._loop.time() + STALL_S
                self._deadline = self._loop.call_later(CLOSE_S, self._expire, gives_up_at)
        if self._arrived or self._ending is not None:
            self._wake()

    def _expire(self, gives_up_at: float) -> None:
        """Let a peer first have what was sent before the close frame, if it takes it at all."""
        if self._line.write_paused and self._loop.time() < gives_up_at:
            self._deadline = self._loop.call_later(CLOSE_S, self._expire, gives_up_at)
        else:
            self._line.abort()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _beat(self) -> None:
        """Ping a silent peer, and give up one that does not answer. Not while reading is paused."""
        silent_s = self._loop.time() - self._seen_at
        if silent_s >= SILENT_S and not self._paused:
            self._line.abort()
            return
        if silent_s >= PING_EVERY_S and not self._paused and not self._line.write_paused:
            self._frames.send_ping(b"")
            self._flush()
        self._timer = self._loop.call_later(PING_EVERY_S, self._beat)


_DATA = frozenset((Opcode.TEXT, Opcode.BINARY, Opcode.CONT))


def _ending(frames: Frames) -> Ending:
    """Return why the peer's bytes ended the talk: its close frame, or its breach of the rules."""
    received: Close | None = frames.close_rcvd
    if received is not None and frames.parser_exc is None:
        return Ending(int(received.code), received.reason, by_peer=True)
    sent: Close | None = frames.close_sent
    code = int(CloseCode.PROTOCOL_ERROR) if sent is None else int(sent.code)
    return Ending(code, "" if sent is None else sent.reason, by_peer=False)


def accept_key(key: bytes) -> bytes:
    """Return the `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + _GUID).digest())  # noqa: S324 - the RFC's own choice
