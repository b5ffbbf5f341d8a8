"""HTTP/1.1 on the wire, for uvicorn: what every request pays for, made lean and bounded.

uvicorn's own protocol works with this gateway too (`uvicorn --factory llmproxy.app:create_app`).
This one differs so:

- one write per answer, no per-header regular expressions, no timer per request, and a head that the
  client sent before is not parsed again;
- a request head is bounded in bytes, count and time, and what cannot be parsed is answered in
  OpenAI's error envelope;
- the scope offers `extensions["llmproxy.client"]`: the task of a request whose client left can be
  cancelled at once;
- an answer that ends before its request body has arrived lingers, so that the client reads it
  instead of a reset.
"""

import asyncio
from collections import deque
from typing import Any, ClassVar, Final

import httptools
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from llmproxy.infra.server.bounds import too_large
from llmproxy.infra.server.cycle import Cycle
from llmproxy.infra.server.known_head import KnownHead, known_head
from llmproxy.infra.server.leaving import is_draining, linger
from llmproxy.infra.server.place import place
from llmproxy.infra.server.reaper import HEAD_TIMEOUT_S, WRITE_TIMEOUT_S, Reaper
from llmproxy.infra.server.refusal import refusal
from llmproxy.infra.server.upgrade import MAX_HEADERS, start_socket

MAX_HEAD_BYTES = 64 * 1024
BODY_HIGH_WATER_BYTES = 64 * 1024
ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.3"}
MAX_WAITING = 16
"""Pipelined requests that are read ahead: further ones stay with the client. Not none, because a
client that leaves is only noticed by reading.
"""
TRAILERS: Final[deque[tuple[bytes, bytes]]] = deque(maxlen=0)
"""Takes the header lines after a chunked body and keeps none, however many are sent."""


class GatewayProtocol(HttpToolsProtocol):
    """One client connection.

    `cycle` is the request that was read last, `answering` the one whose answer is under way or was
    the last, `waiting` those between them. While it is `draining` its next answer is its last.
    """

    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S
    max_head_bytes: ClassVar[int] = MAX_HEAD_BYTES
    max_header_lines: ClassVar[int] = MAX_HEADERS
    write_timeout_s: ClassVar[float] = WRITE_TIMEOUT_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.cycle: Cycle | None = None  # type: ignore[assignment]
        self.answering: Cycle | None = None
        self.waiting: list[Cycle] = []
        self.first_bytes = self.head_bytes = self.read_bytes = 0
        self.in_head = False
        self.silent_since = self.loop.time()
        self.lingering = self.draining = False
        self.unsent_bytes = 0
        self.unsent_since = 0.0
        self.known: KnownHead | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.draining = is_draining(self.server_state)
        Reaper.of(self.server_state, self.loop).watch(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        for cycle in (self.answering, self.cycle, *self.waiting):
            if cycle is not None:
                cycle.disconnect()
        self.cycle = self.answering = None
        self.waiting.clear()
        self.scope = None  # type: ignore[assignment]
        self.flow.resume_writing()
        self.parser = None  # type: ignore[assignment]

    @override
    def data_received(self, data: bytes) -> None:
        if self.lingering:
            return
        known = self.known
        if known is not None and self.is_idle():
            body = known.body_of(data)
            if body is not None:
                self.serve_again(known, body)
                return
            self.known = None
        self.parse(data)
        cycle = self.cycle
        if self.known is None and cycle is not None and cycle.request_complete:
            self.known = known_head(data, self.scope)  # type: ignore[arg-type]

    def parse(self, data: bytes) -> None:
        """Feed the parser, whose callbacks below make requests of what it reads."""
        self.read_bytes = len(data)
        if self.in_head:
            self.head_bytes += self.read_bytes
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if not start_socket(self, rest):
                self.stay(rest)
        except httptools.HttpParserError:
            self.refuse(400, "invalid_http", "This is not a valid HTTP/1.1 request.")
        else:
            if self.in_head and self.head_bytes > self.max_head_bytes:
                self.refuse_head()

    def is_idle(self) -> bool:
        """Whether the next byte begins a request and no other is being answered."""
        cycle = self.cycle
        if cycle is None or self.in_head:
            return False
        return cycle.response_complete and cycle.request_complete

    def serve_again(self, known: KnownHead, body: bytes) -> None:
        """Serve a whole request whose head is that of the one before."""
        self.silent_since = 0.0
        scope = known.scope(body)
        cycle = self.cycle = Cycle(scope, self, keep_alive=True, expects_continue=False)
        scope["extensions"] = {"llmproxy.client": cycle}
        cycle.feed_whole(body)
        self.start(cycle)

    def stay(self, rest: bytes) -> None:
        """Serve a request that offers to change the protocol in this one (RFC 9110 §7.8).

        Java's HttpClient offers HTTP/2 with every request. The parser has stopped behind the head,
        so that a new one is given the head without the offer, and what follows.
        """
        lines = [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        version = self.parser.get_http_version().encode("ascii")
        start = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        head = b"\r\n".join([start, *lines, b"", b""])
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(head)
            self.parser.feed_data(rest)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            self.refuse(400, "invalid_http", "This is not a valid HTTP/1.1 request.")

    @override
    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.in_head = True
        self.first_bytes, self.head_bytes = self.read_bytes, 0
        self.silent_since = self.loop.time()

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    @override
    def on_headers_complete(self) -> None:
        self.in_head = False
        self.silent_since = 0.0
        parser = self.parser
        version = parser.get_http_version()
        self.scope = self.build_scope(version)  # type: ignore[assignment]
        if parser.should_upgrade():
            return
        cycle = Cycle(
            self.scope,
            self,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            expects_continue=self.expect_100_continue,
        )
        self.scope["extensions"] = {"llmproxy.client": cycle}  # type: ignore[dict-item]
        previous, self.cycle = self.cycle, cycle
        if too_large(self):
            self.refuse_head()
        elif previous is None or previous.response_complete:
            self.start(cycle)
        else:
            self.waiting.append(cycle)
            if len(self.waiting) > MAX_WAITING:
                self.flow.pause_reading()
        self.headers = TRAILERS  # type: ignore[assignment]

    def build_scope(self, version: str) -> dict[str, Any]:
        """Return the ASGI scope of the request whose head has just been read."""
        path, raw_path, query = place(self.url)
        return {
            "type": "http",
            "asgi": ASGI_VERSIONS,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state,
            "method": self.parser.get_method().decode("ascii"),
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
        }

    def start(self, cycle: Cycle) -> None:
        """Run the application for one request."""
        self.answering = cycle
        task = cycle.task = self.loop.create_task(cycle.run(self.app))
        self.tasks.add(task)

    @override
    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.feed(body)
            if len(cycle.body) > BODY_HIGH_WATER_BYTES:
                self.flow.pause_reading()

    @override
    def on_message_complete(self) -> None:
        if self.cycle is not None:
            self.cycle.feed_end()

    @override
    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.waiting:
            self.start(self.waiting.pop(0))
        else:
            self.silent_since = self.loop.time()

    def close_after(self, cycle: Cycle) -> None:
        """Close after the last answer; a client that is still sending can read it first."""
        if cycle.request_complete:
            self.transport.close()
            return
        self.lingering = True
        self.flow.resume_reading()
        linger(self)

    def refuse_head(self) -> None:
        """Refuse a head that passes a bound."""
        self.refuse(431, "request_header_fields_too_large", "The request head is too large.")

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer what never became a request, and close.

        Behind a request that is being answered nothing is said: its answer is the last.
        """
        cycle = self.answering
        self.lingering = True
        self.in_head = False
        self.silent_since = 0.0
        self.flow.resume_reading()
        if cycle is None or cycle.response_complete:
            self.say_and_close(refusal(status, code, message))
        elif cycle.request_complete:
            cycle.keep_alive = False
        else:
            if not cycle.response_started:
                self.say_and_close(refusal(status, code, message))
            else:
                self.transport.close()
            cycle.disconnect()

    def say_and_close(self, answer: bytes) -> None:
        """Send a last answer and close, but let a client that is still sending read it first."""
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        linger(self)

    @override
    def shutdown(self) -> None:
        cycle = self.answering
        if cycle is None:
            self.transport.close()
        else:
            cycle.shut_down()
