"""A provider of the chaos: chat completions by a bare protocol, light enough for the load.

The simulators of `tests/simulators` keep every request and take ten times the time for each.
"""

import asyncio
import random
import re
import socket
import struct
from collections import Counter
from typing import cast

from typing_extensions import override

from tests.chaos import wire
from tests.chaos.weather import WELL, Mode

PLAIN_S = 0.02
BETWEEN_EVENTS_S = 0.01
SLOWER = {Mode.SLOW: 15, Mode.CROWDED: 150}
KEY = "sk-simulator"
_CALL = re.compile(rb"call (\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": ?true')
_USAGE = re.compile(rb'"include_usage": ?true')
_STATUS = {
    Mode.STATUS_401: wire.failure(401),
    Mode.STATUS_429: wire.failure(429, "retry-after: 1"),
    Mode.STATUS_500: wire.failure(500),
    Mode.STATUS_503: wire.failure(503),
    Mode.STATUS_529: wire.failure(529),
    Mode.HTML: wire.head("200 OK", "text/html", length=len(wire.PAGE)) + wire.PAGE,
}
_STOPS_AT_ONCE = frozenset((Mode.RESET, Mode.REFUSE, Mode.HANG))
_HANGS = frozenset((Mode.HANG, Mode.HANG_AFTER_HEADERS, Mode.HANG_IN_THE_MIDDLE))
_RESETS = frozenset((Mode.RESET, Mode.REFUSE, Mode.RESET_IN_THE_MIDDLE))
_EVENTS_BEFORE = {
    Mode.CLOSE_AFTER_HEADERS: 0,
    Mode.HANG_AFTER_HEADERS: wire.FIRST_CONTENT,
    Mode.TRUNCATED: wire.FIRST_CONTENT,
}
"""Events that a stream has before it fails; others fail after some with content."""


class Provider:
    """One provider. `seen` counts requests by the number of their call; `did` how they ended."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.mode = Mode.HEALTHY
        self.share = 1.0
        self.seen: Counter[int] = Counter()
        self.did: Counter[Mode] = Counter()
        self.port = 0
        self.lines: set[_Line] = set()
        self._draw = random.Random(seed)  # noqa: S311 - repeatable
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """The `endpoint` of a document."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def listen(self) -> None:
        """Accept connections; on the same port again when it had one."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Line(self), "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse connections and close those without a request."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in tuple(self.lines):
            line.close_if_idle()

    async def change(self, mode: Mode, share: float) -> None:
        """Answer so from now on."""
        self.mode, self.share = mode, share
        if mode is Mode.REFUSE:
            self.refuse()
        else:
            await self.listen()

    def close(self) -> None:
        """Close everything."""
        self.refuse()
        for line in tuple(self.lines):
            line.drop()

    def mode_now(self) -> Mode:
        """How the next request is answered."""
        return self.mode if self._draw.random() < self.share else Mode.HEALTHY


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._read = b""
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._provider.lines.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._provider.lines.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def close_if_idle(self) -> None:
        """Close a connection that waits for a request."""
        if not self._busy:
            self._transport.close()

    def drop(self) -> None:
        """End it with a TCP RST."""
        plain = self._transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        found = _LENGTH.search(head)
        if found is not None and len(body) < int(found[1]):
            return
        self._read = b""
        self._busy = True
        if not head.startswith(b"POST /v1/chat/completions ") or KEY.encode() not in head:
            self._transport.write(wire.failure(404 if KEY.encode() in head else 401))
            self._busy = False
            return
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        provider = self._provider
        mode = provider.mode_now()
        call = _CALL.search(body)
        number = int(call[1]) if call else 0
        provider.seen[number] += 1
        provider.did[mode] += 1
        if mode in _STOPS_AT_ONCE:
            self._fail(mode)
            return
        if mode in _STATUS:
            self._transport.write(_STATUS[mode])
            self._busy = False
            return
        slower = SLOWER.get(mode, 1)
        if _STREAM.search(body):
            pieces = self._stream(mode, number, usage=bool(_USAGE.search(body)))
            self._transport.write(wire.STREAM_HEAD)
            self._send(mode, pieces, BETWEEN_EVENTS_S * slower)
        else:
            pieces = self._plain(mode, number)
            self._timer = self._loop.call_later(PLAIN_S * slower, self._send, mode, pieces, 0.0)

    def _plain(self, mode: Mode, number: int) -> list[bytes]:
        """The pieces of a plain answer, with a fault half of them."""
        whole = wire.whole_of(number)
        if mode in WELL:
            return [whole]
        if mode is Mode.ERROR_EVENT:
            return [wire.failure(500)]
        head, end, body = whole.partition(b"\r\n\r\n")
        at = 0 if mode in {Mode.CLOSE_AFTER_HEADERS, Mode.HANG_AFTER_HEADERS} else len(body) // 2
        return [head + end + body[:at], b""]

    def _stream(self, mode: Mode, number: int, *, usage: bool) -> list[bytes]:
        """The events of a stream up to its fault."""
        events = wire.events_of(number, usage=usage)
        if mode in WELL:
            return events
        before = _EVENTS_BEFORE.get(mode, len(events) // 2)
        rest = wire.as_chunk(wire.ERROR_EVENT) + wire.END if mode is Mode.ERROR_EVENT else b""
        return [*events[:before], rest]

    def _send(self, mode: Mode, pieces: list[bytes], pause_s: float, at: int = 0) -> None:
        """Send the pieces one by one; a last one that is empty is the fault."""
        if self._transport.is_closing():
            return
        piece = pieces[at]
        if not piece:
            self._fail(mode)
            return
        self._transport.write(piece)
        if at + 1 == len(pieces):
            self._busy = False
            if self._provider.mode is Mode.REFUSE:
                self._transport.close()
            return
        self._timer = self._loop.call_later(pause_s, self._send, mode, pieces, pause_s, at + 1)

    def _fail(self, mode: Mode) -> None:
        if mode in _RESETS:
            self.drop()
        elif mode not in _HANGS:
            self._transport.close()
