"""One request and its answer on a client connection: the `receive` and `send` of ASGI."""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from llmproxy.infra.server.head import NO_BODY, default_lines, head
from llmproxy.infra.server.refusal import refusal

if TYPE_CHECKING:
    from llmproxy.infra.server.protocol import GatewayProtocol

logger = logging.getLogger("llmproxy.server")

CLOSE = (b"connection", b"close")
RESET = struct.pack("ii", 1, 0)
"""The value of SO_LINGER that makes closing a reset."""
Scope = Any
Message = MutableMapping[str, Any]
Application = Callable[..., Awaitable[None]]


class Cycle:
    """States are plain attributes.

    `feed*` and `disconnect` are called by the protocol, `receive` and `send` by the app.
    """

    # What a request begins with; kept on the class, because setting it all costs more.
    _cancels = False
    _chunked = False
    _delivered = False
    _flows = False
    """Whether a piece of the body may go out as a chunk without further thought."""
    _head: bytes | None = None
    _leaves: Callable[[], bool] | None = None
    _waiter: asyncio.Future[None] | None = None
    disconnected = False
    request_complete = False
    response_complete = False
    response_started = False
    task: asyncio.Task[None] | None = None

    def __init__(
        self, scope: Scope, protocol: "GatewayProtocol", *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.scope = scope
        self.protocol = protocol
        self.keep_alive = keep_alive
        self.body: bytes | bytearray = b""
        self._expects_continue = expects_continue

    def cancel_on_disconnect(self) -> None:
        """Have the request's task cancelled when its client leaves, or at once if it has left."""
        self._cancels = True
        protocol = self.protocol
        if protocol.flow.read_paused and not protocol.waiting:
            protocol.flow.resume_reading()  # a large body had paused it: who leaves is only read
        if self.disconnected and self.task is not None:
            self.task.cancel()

    def detain(self, leaves: Callable[[], bool]) -> None:
        """Ask this when the client leaves, whether the task is to be cancelled then."""
        self._leaves = leaves

    def dismiss(self) -> bool:
        """Ask no more; return whether the client is still there."""
        self._leaves = None
        return not self.disconnected

    @property
    def ready(self) -> bool:
        """Whether the client keeps up, so that an answer need not wait."""
        return not self.protocol.flow.write_paused

    def feed(self, data: bytes) -> None:
        """Take a piece of the request body."""
        body = self.body
        if not body:
            self.body = data  # taken before more arrives, as a rule: then nothing is copied
        elif isinstance(body, bytes):
            self.body = bytearray(body)
            self.body += data
        else:
            body += data
        self._wake()

    def feed_whole(self, body: bytes) -> None:
        """Take the whole request body, before the application runs."""
        self.body = body
        self.request_complete = True

    def feed_end(self) -> None:
        """Note that the request body is complete."""
        self.request_complete = True
        self._wake()

    def disconnect(self) -> None:
        """Note that the client left."""
        if self.response_complete or self.disconnected:
            return
        self.disconnected = True
        self._flows = False
        if self.task is None:
            self.scope = None  # it will never run: without the knot it is freed at once
        if self._cancels and self.task is not None and (not self._leaves or self._leaves()):
            self.task.cancel()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def run(self, app: Application) -> None:
        """Run the application; the client gets an answer or a closed connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self.disconnected:
                self.protocol.transport.close()
                raise
        except Exception:
            logger.exception("the application failed")
            self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                logger.error("the application returned without completing its answer")
                self._fail()
        finally:
            if self.task is not None:
                self.protocol.tasks.discard(self.task)
            self.scope = None  # it holds this cycle: without the knot both are freed at once

    def _fail(self) -> None:
        transport = self.protocol.transport
        if self.disconnected or transport.is_closing():
            return
        if not self.response_started:
            transport.write(refusal(500, "internal_error", "The gateway failed."))
        transport.close()

    async def receive(self) -> Message:
        """Return the next piece of the body, or `http.disconnect`."""
        if self._expects_continue and not self.response_started:
            self._expects_continue = False
            self.protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self.gone and (self._delivered or not (self.body or self.request_complete)):
            await self._wait()
        if self.gone:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.take(), "more_body": not self.request_complete}

    def take(self) -> bytes:
        """Return what has arrived of the body."""
        body = bytes(self.body)
        self.body = b""
        self._delivered = self.request_complete
        return body

    @property
    def gone(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self.disconnected or self.response_complete

    async def _wait(self) -> None:
        self.protocol.flow.resume_reading()
        self._waiter = self.protocol.loop.create_future()
        await self._waiter

    async def send(self, message: Message) -> None:
        """Take `http.response.start`, then `http.response.body` until `more_body` is false."""
        if self.protocol.flow.write_paused and not self.disconnected:
            await self.protocol.flow.drain()
        if not self.response_started:
            self._start(message["status"], message["headers"])
        else:
            body = b"" if self.scope["method"] == "HEAD" else message["body"]
            self.push(body, more=message.get("more_body", False))

    def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        lines = [b"%b: %b" % header for header in headers if header != CLOSE]
        if len(lines) != len(headers):
            self.keep_alive = False
        self.start(status, lines, framed=any(name == b"content-length" for name, _ in headers))

    def start(self, status: int, lines: Sequence[bytes], *, framed: bool) -> None:
        """Begin the answer; its head goes out with the first piece of the body.

        `lines` are header lines without their ends; `framed` says that content-length is one.
        """
        self.response_started = True
        protocol = self.protocol
        if not self.request_complete or (protocol.draining and not protocol.waiting):
            self.keep_alive = False
        self._chunked = (
            not framed
            and status not in NO_BODY
            and self.scope["method"] != "HEAD"
            and self.scope["http_version"] == "1.1"
        )
        lines = [*default_lines(protocol.server_state), *lines]
        self._head = head(status, lines, chunked=self._chunked, closes=not self.keep_alive)

    def push(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body; the last one completes the answer."""
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError("the answer is already complete")
        parts = []
        if self._head is not None:
            parts.append(self._head)
            self._head = None
            self._flows = self._chunked
        if not self._chunked:
            parts.append(body)
        else:
            if body:
                parts += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                parts.append(b"0\r\n\r\n")
        transport = self.protocol.transport
        transport.write(b"".join(parts))
        if not more:
            self._finish()

    def reply(self, status: int, lines: Sequence[bytes], body: bytes) -> None:
        """Send a whole answer at once; content-length is among the lines."""
        if not self.request_complete or self.gone or self.response_started:
            self.start(status, lines, framed=True)
            self.push(body, more=False)
            return
        protocol = self.protocol
        if protocol.draining and not protocol.waiting:
            self.keep_alive = False
        lines = [*default_lines(protocol.server_state), *lines]
        whole = head(status, lines, chunked=False, closes=not self.keep_alive) + body
        self.response_started = True
        protocol.transport.write(whole)
        self._finish()

    def offer(self, data: bytes) -> bool:
        """Send a piece of the body if that needs no waiting; return whether it was sent."""
        protocol = self.protocol
        if protocol.flow.write_paused:
            return False
        if self._flows:
            protocol.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self.push(data, more=True)
        return True

    def shut_down(self) -> None:
        """Let this be the last answer of its connection."""
        if self.response_complete:
            self.protocol.transport.close()
        else:
            self.keep_alive = False

    def break_off(self) -> None:
        """End at once: the task that answers is cancelled, which says so where it still can."""
        if self.response_complete:
            self.protocol.transport.close()
        elif self.task is not None:
            self.task.cancel()

    def cut(self) -> None:
        """Close the connection in the middle of the answer, so that it cannot look complete.

        A chunked body without its last chunk is visibly cut (RFC 9112 §8); any other needs a reset.
        """
        if self.gone:
            return
        self._flows = False
        self.response_complete = True
        transport = self.protocol.transport
        if self._chunked:
            transport.close()
        else:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        self.protocol.on_response_complete()

    def _finish(self) -> None:
        self.response_complete = True
        self._flows = False
        self._wake()
        protocol = self.protocol
        if not self.keep_alive:
            protocol.close_after(self)
        protocol.on_response_complete()
