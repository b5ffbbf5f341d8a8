"""A request that asks for a WebSocket: answered like any other, or switched to one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from llmproxy.application.interfaces.talk import RESTART, Talk
from llmproxy.infra.server.bounds import too_large
from llmproxy.infra.server.cycle import Cycle

if TYPE_CHECKING:
    from llmproxy.infra.server.protocol import GatewayProtocol
    from llmproxy.infra.wire.websocket import WebSocket

MAX_HEADERS: Final = 200
MAX_EARLY_BYTES: Final = 64 * 1024
"""What is kept of a client that sends before it was let in, which RFC 6455 §4.1 forbids."""


def start_socket(protocol: "GatewayProtocol", rest: bytes) -> bool:
    """Serve a request that asks for a WebSocket, the last of its connection.

    `rest` is what has arrived behind its head. Return False when the request asks for none.
    """
    headers = protocol.headers
    scope: Any = protocol.scope
    offered = any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)
    if not offered or scope["method"] != "GET":
        return False
    if too_large(protocol):
        protocol.refuse_head()
        return True
    cycle = SocketCycle(scope, protocol, rest)
    scope["extensions"] = {"llmproxy.client": cycle, "llmproxy.socket": cycle}
    protocol.parser = cycle.arriving  # type: ignore[assignment]
    previous, protocol.cycle = protocol.cycle, cycle
    if previous is None or previous.response_complete:
        protocol.start(cycle)
    else:
        protocol.waiting.append(cycle)
    return True


class Arriving:
    """In place of the HTTP parser: gathers early bytes, then hands all to the WebSocket."""

    def __init__(self, overflow: Callable[[], None], rest: bytes) -> None:
        self._overflow = overflow
        self._early = bytearray(rest)
        self._socket: WebSocket | None = None

    def feed_data(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        if self._socket is not None:
            self._socket.feed(data)
            return
        self._early += data
        if len(self._early) > MAX_EARLY_BYTES:
            self._overflow()

    def switch(self, socket: "WebSocket") -> None:
        """Hand over what has arrived, and from now on what arrives."""
        self._socket = socket
        early, self._early = bytes(self._early), bytearray()
        if early:
            socket.feed(early)

    def stop(self) -> None:
        """Let go of the WebSocket: nothing arrives any more."""
        self._socket = None


class SocketCycle(Cycle):
    """The request, and once it is let in the connection below its WebSocket."""

    __slots__ = ("_restarting", "_socket", "arriving")

    def __init__(self, scope: Any, protocol: "GatewayProtocol", rest: bytes) -> None:  # noqa: ANN401 - ASGI's scope
        super().__init__(scope, protocol, keep_alive=False, expects_continue=False)
        self.request_complete = True
        self.arriving = Arriving(protocol.transport.abort, rest)
        self._socket: WebSocket | None = None
        self._restarting = False

    def switch(self, headers: list[bytes], max_message_bytes: int) -> Talk:
        """Answer with 101 and these header lines, and return the talk. Raises ConnectionError."""
        from llmproxy.infra.wire.websocket import WebSocket, accept_key  # noqa: PLC0415

        # Imported at the first WebSocket, so that a gateway without any starts at once.
        if self.disconnected or self.protocol.transport.is_closing():
            raise ConnectionError("the client left")
        key = dict(self.scope["headers"])[b"sec-websocket-key"]
        lines = [b"HTTP/1.1 101 Switching Protocols", b"upgrade: websocket", b"connection: Upgrade"]
        lines.append(b"sec-websocket-accept: " + accept_key(key))
        lines += headers
        self.response_started = self.response_complete = True  # for HTTP nothing more follows
        self.request_complete = False  # and what arrives is no request
        self.protocol.transport.write(b"\r\n".join([*lines, b"", b""]))
        socket = self._socket = WebSocket(
            self, is_client=False, max_message_bytes=max_message_bytes
        )
        self._cancels = False  # its end is told by the talk
        self.arriving.switch(socket)
        if self._restarting:
            self.shut_down()
        return socket

    @override
    def shut_down(self) -> None:
        """Tell the client that the server ends; at once when it was let in, else then."""
        self._restarting = True
        self.keep_alive = False
        if self._socket is not None:
            self._socket.close(RESTART, "The gateway is restarting.")

    @override
    def break_off(self) -> None:
        if self._socket is None:
            super().break_off()
        else:
            self.shut_down()

    @override
    def disconnect(self) -> None:
        socket, self._socket = self._socket, None  # each holds the other
        if socket is not None:
            self.arriving.stop()
            socket.lost()
        else:
            super().disconnect()

    # -------------------------------------------------------------- the line below the WebSocket

    @property
    def write_paused(self) -> bool:
        """Whether the client does not keep up."""
        return bool(self.protocol.flow.write_paused)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        transport = self.protocol.transport
        if not transport.is_closing():
            transport.write(data)

    async def drain(self) -> None:
        """Wait until the client keeps up, or is gone."""
        await self.protocol.flow.drain()

    def pause(self) -> None:
        """Stop reading."""
        self.protocol.flow.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.protocol.transport.is_closing():
            self.protocol.flow.resume_reading()

    def end(self) -> None:
        """Send what is unsent, then the end of the stream."""
        transport = self.protocol.transport
        if not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def abort(self) -> None:
        """Close at once."""
        self.protocol.transport.abort()
