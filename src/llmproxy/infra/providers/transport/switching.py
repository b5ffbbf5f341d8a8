"""A connection to a provider that asks to switch from HTTP to WebSocket (RFC 6455 §4.1)."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable

import httptools
from typing_extensions import override

from llmproxy.infra.providers.transport.errors import Cut, Garbled, Silent, Wait
from llmproxy.infra.wire.websocket import WebSocket, accept_key

MAX_ANSWER_BYTES = 64 * 1024
MAX_HEADERS = 256


class Switching(asyncio.Protocol):
    """`ask` once; then either `talk` gives the WebSocket, or `status` and `body` say why not.

    The parser's callbacks below are named by httptools.
    """

    transport: asyncio.Transport

    def __init__(self, forget: Callable[["Switching"], None]) -> None:
        self._forget = forget
        self._parser = httptools.HttpResponseParser(self)
        self._key = b64encode(secrets.token_bytes(16))
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._early = bytearray()
        self._size = 0
        self._socket: WebSocket | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def ask(self, head: bytes, limit_s: float) -> None:
        """Send the request and wait for its answer. Raises TransportError."""
        wish = b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
        self.transport.write(b"%b%bsec-websocket-key: %b\r\n\r\n" % (head, wish, self._key))
        try:
            async with asyncio.timeout(limit_s):
                await self._answered
        except TimeoutError as error:
            self.abort()
            raise Silent(Wait.CONNECT, limit_s, f"no WebSocket within {limit_s:g} s") from error
        except BaseException:
            self.abort()
            raise
        if not self.switched:
            self.abort()

    @property
    def switched(self) -> bool:
        """Whether the provider has agreed."""
        return self.status == 101

    def talk(self, max_message_bytes: int) -> WebSocket:
        """Return the WebSocket; once, and only if `switched`."""
        socket = self._socket = WebSocket(self, is_client=True, max_message_bytes=max_message_bytes)
        if self._early:
            socket.feed(bytes(self._early))
            self._early.clear()
        if self.transport.is_closing():
            socket.lost()
        return socket

    # --------------------------------------------------------------------------- asyncio's side

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    @override
    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.feed(data)
            return
        self._size += len(data)
        if self._answered.done():
            self._early += data
        else:
            self._parse(data)
        if self._size > MAX_ANSWER_BYTES:
            self._fail(Garbled(f"an answer of more than {MAX_ANSWER_BYTES} bytes"))

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._early += data[upgrade.args[0] :]
            self._judge()
        except httptools.HttpParserError as error:
            self._fail(Garbled(f"not an HTTP/1.1 answer: {error}"))

    def _judge(self) -> None:
        self.status = self._parser.get_status_code()
        said = {name.lower(): value for name, value in self.headers}
        if said.get(b"sec-websocket-accept") != accept_key(self._key):
            self._fail(Garbled("a wrong Sec-WebSocket-Accept"))
        elif b"sec-websocket-extensions" in said or b"sec-websocket-protocol" in said:
            self._fail(Garbled("an extension or a subprotocol that nobody asked for"))
        elif not self._answered.done():
            self._answered.set_result(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget(self)
        del self._parser  # it holds this object: without the knot both are freed at once
        self._writable.set()
        self._fail(Cut("the provider closed the connection", before_answer=not self._size))
        socket, self._socket = self._socket, None  # each holds the other
        if socket is not None:
            socket.lost()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    def _fail(self, error: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(error)
        elif self._socket is None:
            self.abort()

    # -------------------------------------------------------------------------- httptools' side

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header as it stands on the wire."""
        self.headers.append((name, value))
        if len(self.headers) > MAX_HEADERS:
            self._fail(Garbled(f"more than {MAX_HEADERS} headers"))

    def on_body(self, data: bytes) -> None:
        """Take a piece of a refusal."""
        self.body += data

    def on_message_complete(self) -> None:
        """Note that a refusal is complete."""
        status = self._parser.get_status_code()
        if status < 200:
            if status != 101:
                self.headers.clear()
            return
        self.status = status
        if not self._answered.done():
            self._answered.set_result(None)

    # -------------------------------------------------------------- the line below the WebSocket

    @property
    def write_paused(self) -> bool:
        """Whether the provider does not keep up."""
        return not self._writable.is_set()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the provider keeps up, or is gone."""
        await self._writable.wait()

    def pause(self) -> None:
        """Stop reading."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def end(self) -> None:
        """Send what is unsent, then the end of the stream."""
        if not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()
