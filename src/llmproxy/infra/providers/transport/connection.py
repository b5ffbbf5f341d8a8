"""One keep-alive connection to a provider: httptools parses, an `Exchange` at a time receives."""

import asyncio
from typing import Protocol

import httptools
from typing_extensions import override

from llmproxy.application.interfaces.call import Outgoing
from llmproxy.infra.providers.transport.beat import Beat
from llmproxy.infra.providers.transport.errors import Cut, Garbled
from llmproxy.infra.providers.transport.exchange import Exchange, Line
from llmproxy.infra.providers.transport.sending import Sending

MAX_HEADERS = 256
MAX_HEAD_BYTES = 64 * 1024
END = b"\r\n\r\n"
JOIN_BELOW_BYTES = 64 * 1024


class Keeper(Protocol):
    """Who takes a connection back when its exchange is over."""

    beat: Beat

    def release(self, connection: "Connection") -> None:
        """Take an idle connection back."""

    def forget(self, connection: "Connection") -> None:
        """Note that the connection is closed."""

    def over(self, exchange: Exchange) -> None:
        """Stop timing an exchange that is over."""


class Connection(asyncio.Protocol, Line):
    """States: idle (`exchange` None) or busy.

    The parser's callbacks below are named by httptools.
    """

    __slots__ = (
        "_dropped",
        "_interim",
        "_keeper",
        "_loop",
        "_parser",
        "_sending",
        "exchange",
        "idle_since",
        "transport",
        "used",
    )

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: Keeper) -> None:
        self._loop = loop
        self._keeper = keeper
        self._dropped = False
        self._interim = False
        self._sending: Sending | None = None
        self.exchange: Exchange | None = None
        self.idle_since = 0.0
        self.used = False

    def send(self, exchange: Exchange, head: bytes, body: bytes | Outgoing) -> None:
        """Put a request on the wire; its answer goes to `exchange`."""
        self.exchange = exchange
        if not isinstance(body, bytes):
            self._upload(exchange, head, body)
            return
        framed = b"%bcontent-length: %d\r\n\r\n" % (head, len(body))
        if len(body) < JOIN_BELOW_BYTES:
            self.transport.write(framed + body)
        else:
            self.transport.writelines([framed, body])

    def _upload(self, exchange: Exchange, head: bytes, body: Outgoing) -> None:
        """Send a body that is not one piece of bytes; one on disk goes as fast as it is taken."""
        lines = b"content-type: %b\r\ncontent-length: %d\r\n\r\n" % (body.content_type, body.size)
        pieces = body.pieces()
        if pieces is not None:
            self.transport.writelines([head, lines, *pieces])
            return
        self.transport.write(head + lines)
        self._sending = Sending(self._loop, self.transport, exchange, body)

    def _stop_sending(self) -> bool:
        """Send no more of a request; return whether some of it had still to be sent."""
        sending, self._sending = self._sending, None
        if sending is None or sending.done:
            return False
        sending.stop()
        return True

    @override
    def pause_writing(self) -> None:
        if self._sending is not None:
            self._sending.pause()

    @override
    def resume_writing(self) -> None:
        if self._sending is not None:
            self._sending.resume()

    @property
    def usable(self) -> bool:
        """Whether another request may be sent on it."""
        return not self._dropped and not self.transport.is_closing()

    def _drop(self) -> None:
        """Close without a word.

        Under TLS not within `data_received`: uvloop's SSL protocol writes after it, and a transport
        that is gone by then is an error with a traceback (uvloop 0.22, sslproto.pyx `_do_read`).
        """
        self._dropped = True
        if self.transport.get_extra_info("ssl_object") is None:
            self.transport.abort()
        else:
            self._loop.call_soon(self.transport.abort)

    @override
    def pause(self) -> None:
        if self.usable:
            self.transport.pause_reading()

    @override
    def resume(self) -> None:
        if self.usable:
            self.transport.resume_reading()

    @override
    def abort(self) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self._keeper.over(exchange)
        self._stop_sending()
        self._drop()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._keeper.forget(self)
        self._stop_sending()
        del self._parser  # it holds this connection: without the knot both are freed at once
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.status and exc is None and _ends_with_connection(exchange):
            self._over(exchange)
            exchange.finish()
        else:
            exchange.fail(
                Cut("the provider closed the connection", before_answer=not exchange.seen)
            )

    @override
    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            self._drop()
            return
        exchange.seen = True
        exchange.heard_at = now = self._loop.time()
        if not exchange.status:
            exchange.head += data
        try:
            self._parser.feed_data(data)
            if exchange.flush():
                self._keeper.beat.delivered(now)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            exchange.fail(Garbled(f"not an HTTP/1.1 answer: {error}"))
        else:
            if not exchange.status and len(exchange.head) > MAX_HEAD_BYTES:
                exchange.fail(Garbled(f"a head of more than {MAX_HEAD_BYTES} bytes"))

    def on_message_begin(self) -> None:
        """Refuse an answer that nobody asked for: it must not meet the next request."""
        if self.exchange is None:
            self._drop()

    def on_headers_complete(self) -> None:
        """Take the status; a 1xx answer is only an interim one.

        The headers are left as they stand on the wire: a callback for each would cost more than
        all that is read of them.
        """
        exchange = self.exchange
        if exchange is None:
            return
        status = self._parser.get_status_code()
        end = exchange.head.find(END)
        if end < 0 or exchange.head.count(b"\n", 0, end) > MAX_HEADERS:
            exchange.fail(Garbled(f"a head without an end, or more than {MAX_HEADERS} headers"))
        elif status < 200:
            self._interim = True
            exchange.head = exchange.head[end + len(END) :]
        else:
            if status >= 400 and self._sending is not None:
                self._sending.stop()  # a refusal needs no more of the request (RFC 9112 §9.3)
            exchange.head = exchange.head[:end]
            exchange.begin(status)

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.exchange is not None:
            self.exchange.feed(data)

    def on_message_complete(self) -> None:
        """Give the connection back, or close it when it cannot be used again."""
        if self._interim:
            self._interim = False
            return
        exchange = self.exchange
        if exchange is None:
            return
        self._over(exchange)
        if self._stop_sending() or self.transport.get_write_buffer_size():
            self._drop()  # who reads no more would keep a closing connection for ever
        elif self._parser.should_keep_alive():
            self.used = True
            self.idle_since = self._loop.time()
            self._keeper.release(self)
        else:
            self.transport.close()
        exchange.finish()

    def _over(self, exchange: Exchange) -> None:
        self.exchange = None
        self._keeper.over(exchange)


def _ends_with_connection(exchange: Exchange) -> bool:
    framing = (b"content-length", b"transfer-encoding")
    return not any(name in framing for name, _ in exchange.headers)
