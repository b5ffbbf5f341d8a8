"""An upstream that speaks OpenAI's chat completions: `python -m bench.upstream`.

Prints the number of its plain port and, given a certificate, of its TLS port, as one JSON line. A
request with `"stream":true` gets 50 events and `[DONE]`, each written on its own, all streams in
turn; usage is streamed only to those who ask for it, as OpenAI does. The
other paths are what sglang-router asks of a worker.
"""

import argparse
import asyncio
import json
import socket
import ssl
import time
from typing import cast

import httptools
import uvloop
from typing_extensions import override

from bench import payload, relayed, secure_socket
from bench.pacer import Pacer

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_1\r\n"
    b"openai-processing-ms: 12\r\ntransfer-encoding: chunked\r\n\r\n"
)
_END = b"0\r\n\r\n"


def _whole(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n"
        b"openai-processing-ms: 12\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_CHAT = _whole(payload.answer_body())
_EVENTS = [_chunk(event) for event in payload.stream_events()]
_LAST = _chunk(payload.DONE) + _END
_LAST_WITH_USAGE = _chunk(payload.usage_event()) + _LAST
_BEFORE, _AFTER = payload.paced_event()
_PACED_BEFORE = b"%x\r\n%s" % (len(_BEFORE) + payload.STAMP_DIGITS + len(_AFTER), _BEFORE)
_PACED_AFTER = _AFTER + b"\r\n"

_GETS = {
    b"/health": _whole(b"{}"),
    b"/v1/models": _whole(
        json.dumps({"object": "list", "data": [{"id": payload.MODEL, "object": "model"}]}).encode()
    ),
    b"/get_model_info": _whole(
        json.dumps({"model_path": payload.MODEL, "is_generation": True}).encode()
    ),
    b"/get_server_info": _whole(
        json.dumps({"model_path": payload.MODEL, "served_model_name": payload.MODEL}).encode()
    ),
}
_GETS[b"/model_info"] = _GETS[b"/get_model_info"]
_GETS[b"/server_info"] = _GETS[b"/get_server_info"]
_RELAYED = {
    b"/v1/embeddings": [_whole(relayed.embeddings_answer(1))],
    b"/v1/images/generations": [_whole(relayed.IMAGE_ANSWER)],
    b"/v1/images/edits": [_whole(relayed.EDIT_ANSWER)],
    b"/v1/audio/speech": [
        b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n",
        *[_chunk(bytes(relayed.SPEECH_PIECE_BYTES))]
        * (relayed.MEGABYTE // relayed.SPEECH_PIECE_BYTES + 1),
        _END,
    ],
}
_MANY = [_whole(relayed.embeddings_answer(100))]
_MANY_FROM_BYTES = 1000
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"

_pacers: dict[int, Pacer] = {}
_tasks: set[asyncio.Task[None]] = set()


class Upstream(asyncio.Protocol):
    """One connection. Requests are answered in order, one at a time."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Get ready for the requests of one connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._path = b""
        self._body = b""
        self._body_bytes = 0
        self._sent = 0
        self._last = _LAST

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """httptools: a request starts."""
        self._path = self._body = b""
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """httptools: a piece of the request's target."""
        self._path += url

    def on_body(self, body: bytes) -> None:
        """httptools: a piece of the request's body."""
        self._body_bytes += len(body)
        if self._path not in _RELAYED:
            self._body += body

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        body = self._body
        relayed_answer = _RELAYED.get(self._path)
        if relayed_answer is not None:
            many = self._path.endswith(b"embeddings") and self._body_bytes > _MANY_FROM_BYTES
            for piece in _MANY if many else relayed_answer:
                self._transport.write(piece)
        elif not body:
            self._transport.write(_GETS.get(self._path, _NOT_FOUND))
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._stream(body)
        else:
            self._transport.write(_CHAT)

    def _stream(self, body: bytes) -> None:
        asked = b'"include_usage":true' in body or b'"include_usage": true' in body
        self._last = _LAST_WITH_USAGE if asked else _LAST
        self._sent = 0
        self._transport.write(_STREAM_HEAD)
        pace_ms = payload.pace_of(body)
        if not pace_ms:
            self._loop.call_soon(self._next)
            return
        if pace_ms not in _pacers:
            _pacers[pace_ms] = Pacer(pace_ms)
        _pacers[pace_ms].join(self._next_paced)

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        sent = self._sent
        if sent == payload.CHUNKS:
            self._transport.write(self._last)
            return
        self._transport.write(_EVENTS[sent])
        self._sent = sent + 1
        self._loop.call_soon(self._next)

    def _next_paced(self) -> bool:
        if self._transport.is_closing():
            return False
        if self._sent == payload.CHUNKS:
            self._transport.write(self._last)
            return False
        self._sent += 1
        stamp = b"%0*d" % (payload.STAMP_DIGITS, time.monotonic_ns() // 1000)
        self._transport.write(_PACED_BEFORE + stamp + _PACED_AFTER)
        return True


async def serve(certificate: str | None, key: str | None) -> None:
    """Listen on ephemeral ports of 127.0.0.1 until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    ports = {"plain": server.sockets[0].getsockname()[1]}
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listener.setblocking(False)  # noqa: FBT003
        ports["tls"] = listener.getsockname()[1]
        _tasks.add(loop.create_task(secure_socket.serve(listener, context, Upstream)))
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", help="PEM file; with it a second port speaks TLS")
    parser.add_argument("--key", help="PEM file of the certificate's key")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.certificate, arguments.key))


if __name__ == "__main__":
    main()
