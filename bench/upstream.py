"""An upstream that speaks OpenAI's chat completions: `python -m bench.upstream`.

Prints the number of its plain port and, given a certificate, of its TLS port, as one JSON line. A
request with `"stream":true` gets 50 events and `[DONE]`, each written on its own, all streams in
turn; usage is streamed only to those who ask for it, as OpenAI does. Anthropic's and Gemini's wires
are spoken in the same way (`bench/scripts.py`). The other paths are what sglang-router asks of a
worker.
"""

import argparse
import asyncio
import json
import socket
import ssl
import time

import uvloop
from typing_extensions import override

from bench import payload, relayed, scripts, secure_socket, translated
from bench.pacer import Pacer
from bench.requests import Requests
from bench.scripts import END, chunk, whole

_GETS = {
    b"/health": whole(b"{}"),
    b"/v1/models": whole(
        json.dumps({"object": "list", "data": [{"id": payload.MODEL, "object": "model"}]}).encode()
    ),
    b"/get_model_info": whole(
        json.dumps({"model_path": payload.MODEL, "is_generation": True}).encode()
    ),
    b"/get_server_info": whole(
        json.dumps({"model_path": payload.MODEL, "served_model_name": payload.MODEL}).encode()
    ),
}
_TOKEN = whole(b'{"access_token":"ya29.bench","expires_in":86400,"token_type":"Bearer"}')
_GETS[b"/model_info"] = _GETS[b"/get_model_info"]
_GETS[b"/server_info"] = _GETS[b"/get_server_info"]
_RELAYED = {
    b"/v1/embeddings": [whole(relayed.embeddings_answer(1))],
    b"/v1/images/generations": [whole(relayed.IMAGE_ANSWER)],
    b"/v1/images/edits": [whole(relayed.EDIT_ANSWER)],
    b"/v1/audio/speech": [
        b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n",
        *[chunk(bytes(relayed.SPEECH_PIECE_BYTES))]
        * (relayed.MEGABYTE // relayed.SPEECH_PIECE_BYTES + 1),
        END,
    ],
}
_MANY = [whole(relayed.embeddings_answer(100))]
_MANY_FROM_BYTES = 1000
_TOKEN_PATH = translated.TOKEN_PATH.encode()
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"

_pacers: dict[int, Pacer] = {}
_tasks: set[asyncio.Task[None]] = set()


class Upstream(Requests):
    """One connection. Requests are answered in order, one at a time."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._loop = asyncio.get_running_loop()
        self._body = b""
        self._body_bytes = 0
        self._sent = 0
        self._script = scripts.OPENAI
        self._events = self._script.events

    def on_message_begin(self) -> None:
        """httptools: a request starts."""
        self._path = self._body = b""
        self._body_bytes = 0

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
        elif self._path == _TOKEN_PATH:
            self._transport.write(_TOKEN)
        else:
            self._script = script = scripts.of_path(self._path)
            if script.streams(self._path, body):
                self._stream(script, body)
            else:
                self._transport.write(script.whole)

    def _stream(self, script: scripts.Script, body: bytes) -> None:
        asked = b'"include_usage":true' in body or b'"include_usage": true' in body
        self._events = script.events_with_usage if asked else script.events
        self._sent = 0
        self._transport.write(script.head)
        pace_ms = payload.pace_of(body)
        if not pace_ms:
            self._loop.call_soon(self._next)
            return
        if pace_ms not in _pacers:
            _pacers[pace_ms] = Pacer(pace_ms)
        for event in script.paced_first:
            self._transport.write(event)
        _pacers[pace_ms].join(self._next_paced)

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        sent = self._sent
        self._transport.write(self._events[sent])
        self._sent = sent = sent + 1
        if sent < len(self._events):
            self._loop.call_soon(self._next)

    def _next_paced(self) -> bool:
        if self._transport.is_closing():
            return False
        script = self._script
        if self._sent == payload.CHUNKS:
            for event in self._events[-script.paced_last :]:
                self._transport.write(event)
            return False
        self._sent += 1
        stamp = b"%0*d" % (payload.STAMP_DIGITS, time.monotonic_ns() // 1000)
        self._transport.write(script.paced_before + stamp + script.paced_after)
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
