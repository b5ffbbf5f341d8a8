"""A WebSocket's server side on a simulator's connection (RFC 6455), by hand: what is relayed by a
library is judged by other code.
"""

import base64
import hashlib
import itertools
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.simulators.http import Connection, Request

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def wants_websocket(request: Request) -> bool:
    """Whether a request asks for a WebSocket as RFC 6455 §4.1 says."""
    return (
        request.method == "GET"
        and (request.header("upgrade") or "").lower() == "websocket"
        and "upgrade" in (request.header("connection") or "").lower()
        and request.header("sec-websocket-version") == "13"
        and len(base64.b64decode(request.header("sec-websocket-key") or "")) == 16
    )


def switching(request: Request) -> tuple[tuple[str, str], ...]:
    """The headers that agree to it; `realtime` is the one subprotocol."""
    key = request.header("sec-websocket-key") or ""
    digest = hashlib.sha1(f"{key}{_GUID}".encode()).digest()  # noqa: S324 - the RFC's own choice
    headers = (
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-accept", base64.b64encode(digest).decode()),
    )
    offered = (request.header("sec-websocket-protocol") or "").replace(" ", "").split(",")
    return (*headers, ("sec-websocket-protocol", "realtime")) if "realtime" in offered else headers


@dataclass(slots=True)
class Heard:
    """What a session received: messages, how many frames they came in, pings, and how it ended."""

    messages: list[bytes] = field(default_factory=list)
    opcodes: list[int] = field(default_factory=list)
    frames: int = 0
    pings: int = 0
    closed: tuple[int | None, str] | None = None


class ClosedError(Exception):
    """The client sent a close frame, which has been answered."""


class Talk:
    """Messages both ways. `before_send` is told the number of each event before it goes out."""

    def __init__(
        self, connection: Connection, heard: Heard, before_send: Callable[[int], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._before_send = before_send
        self._numbers = itertools.count()
        self.heard = heard

    async def receive(self) -> tuple[int, bytes]:
        """The next message and its opcode. Raises ClosedError."""
        kind, message = 0, b""
        while True:
            opcode, final, payload = await self._frame()
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                self.heard.closed = (code, payload[2:].decode())
                await self.frame(CLOSE, payload)
                raise ClosedError
            if opcode == PING:
                self.heard.pings += 1
                await self.frame(PONG, payload)
            elif opcode != PONG:
                self.heard.frames += 1
                kind, message = kind or opcode, message + payload
                if final:
                    self.heard.messages.append(message)
                    self.heard.opcodes.append(kind)
                    return kind, message

    async def _frame(self) -> tuple[int, bool, bytes]:
        first, second = await self._connection.read_exactly(2)
        assert second & 0x80, "a client must mask its frames"
        assert not first & 0x70, "no extension was negotiated"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self._connection.read_exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._connection.read_exactly(8))
        assert size <= MAX_MESSAGE_BYTES
        mask = await self._connection.read_exactly(4)
        masked = await self._connection.read_exactly(size)
        return first & 0x0F, bool(first & 0x80), _masked(masked, mask)

    async def send(self, text: bytes) -> None:
        """Send an event."""
        await self._before_send(next(self._numbers))
        await self.frame(TEXT, text)

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame."""
        await self.frame(CLOSE, struct.pack("!H", code) + reason.encode())

    async def frame(self, opcode: int, payload: bytes, *, final: bool = True) -> None:
        """Send one frame as it is."""
        size = len(payload)
        head = bytes([opcode | (0x80 if final else 0)])
        if size < 126:
            head += bytes([size])
        elif size < 65_536:
            head += struct.pack("!BH", 126, size)
        else:
            head += struct.pack("!BQ", 127, size)
        self._connection.write(head + payload)
        await self._connection.drain()


def _masked(data: bytes, mask: bytes) -> bytes:
    repeated = mask * (len(data) // 4 + 1)
    number = int.from_bytes(data) ^ int.from_bytes(repeated[: len(data)])
    return number.to_bytes(len(data))
