"""A WebSocket client on a bare socket: any handshake, any frame, and it reads when it wants."""

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.api.raw import Answer, Wire, connected

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = base64.b64encode(b"0123456789abcdef")
ACCEPT = b"BACScCJPNqyz+UBoqMH89VmURoA="
MASK = b"\0\0\0\0"
PATH = b"/v1/realtime?model=talker"


def handshake(*lines: bytes, path: bytes = PATH, version: bytes = b"13", key: bytes = KEY) -> bytes:
    """A request for a WebSocket; `lines` are further header lines."""
    head = [
        b"GET " + path + b" HTTP/1.1",
        b"host: localhost",
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-version: " + version,
        b"sec-websocket-key: " + key,
        *lines,
    ]
    return b"\r\n".join([*head, b"", b""])


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    first = bytes([opcode | rsv | (0x80 if final else 0)])
    if size < 126:
        return first + bytes([0x80 | size]) + MASK + payload
    if size < 65_536:
        return first + struct.pack("!BH", 0x80 | 126, size) + MASK + payload
    return first + struct.pack("!BQ", 0x80 | 127, size) + MASK + payload


class RawSocket:
    """A session on a bare socket."""

    def __init__(self, wire: Wire, headers: dict[str, str]) -> None:
        self.wire = wire
        self.headers = headers

    def send(self, opcode: int, payload: bytes = b"", **how: Any) -> None:  # noqa: ANN401
        """Send a frame."""
        self.wire.send(frame(opcode, payload, **how))

    def say(self, **event: Any) -> None:  # noqa: ANN401 - JSON
        """Send an event."""
        self.send(TEXT, json.dumps(event).encode())

    def frame(self) -> tuple[int, bool, bytes]:
        """The next frame. Raises AssertionError when the server masks or the connection ends."""
        first, second = self.wire.take(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.wire.take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.wire.take(8))
        return first & 0x0F, bool(first & 0x80), self.wire.take(size)

    def event(self) -> dict[str, Any]:
        """The next frame, which is an event."""
        opcode, final, payload = self.frame()
        assert (opcode, final) == (TEXT, True)
        said: dict[str, Any] = json.loads(payload)
        return said

    def closed(self) -> tuple[int | None, str]:
        """Code and reason of the close frame that ends the session, whatever comes first."""
        opcode, payload = 0, b""
        while opcode != CLOSE:
            opcode, _, payload = self.frame()
        code = struct.unpack("!H", payload[:2])[0] if payload else None
        return code, payload[2:].decode()


@contextmanager
def talking(
    url: str, *lines: bytes, path: bytes = PATH, window_bytes: int | None = None
) -> Iterator[RawSocket]:
    """A session that the gateway let in. Raises AssertionError when it did not."""
    with connected(url, window_bytes=window_bytes) as wire:
        wire.send(handshake(*lines, path=path))
        status, headers = wire.head()
        assert status == 101, status
        named = dict(headers)
        assert named["sec-websocket-accept"].encode() == ACCEPT
        yield RawSocket(wire, named)


def refused(url: str, request: bytes) -> Answer:
    """The HTTP answer to a handshake."""
    with connected(url) as wire:
        wire.send(request)
        return wire.answer()
