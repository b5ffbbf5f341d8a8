"""A collector of OpenTelemetry's protocol that only counts: `python -m bench.collector`.

Prints its port as one JSON line. Spans and figures, protobuf over HTTP, are answered with 200 and
an empty body, which is the message that says that all was taken
(https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). `GET /counts` tells what came.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import uvloop

from bench.requests import Requests

SPANS, FIGURES, COUNTS = b"/v1/traces", b"/v1/metrics", b"/counts"
_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
_BAD = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_TO_SPANS = (1, 2, 2)
"""Numbers of the fields resource_spans, scope_spans, spans: trace_service.proto and trace.proto of
opentelemetry-proto."""
# https://protobuf.dev/programming-guides/encoding/#structure
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_FIXED = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}


@dataclass(slots=True)
class Taken:
    """What has come so far."""

    messages: int = 0
    """Of spans."""
    message_bytes: int = 0
    spans: int = 0
    figures: int = 0
    """Messages of figures."""


def spans_in(message: bytes) -> int:
    """Count the spans of an ExportTraceServiceRequest. Raises ValueError where it is none."""
    found = [memoryview(message)]
    for number in _TO_SPANS:
        found = [inner for outer in found for inner in _fields(outer, number)]
    return len(found)


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the contents of all fields of this number, which are messages themselves."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
            continue
        size = _FIXED.get(kind, 0)
        if kind == _BYTES:
            size, at = _varint(message, at)
        if at + size > len(message) or (kind != _BYTES and not size):
            raise ValueError("no message of protobuf")
        if kind == _BYTES and number == wanted:
            yield message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins here, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number breaks off")


class Connection(Requests):
    """One connection, whose requests are answered in order; all add to the same counts."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._body: list[bytes] = []

    def on_message_begin(self) -> None:
        """httptools: a request starts."""
        self._path, self._body = b"", []

    def on_body(self, body: bytes) -> None:
        """httptools: a piece of the request's body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        self._transport.write(self._answer(b"".join(self._body)))

    def _answer(self, body: bytes) -> bytes:
        taken = self._taken
        if self._path == SPANS:
            try:
                taken.spans += spans_in(body)
            except ValueError:
                return _BAD
            taken.messages += 1
            taken.message_bytes += len(body)
            return _TAKEN
        if self._path == FIGURES:
            taken.figures += 1
            return _TAKEN
        if self._path == COUNTS:
            told = json.dumps(asdict(taken)).encode()
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told)
        return _NOT_FOUND


async def serve() -> None:
    """Listen on a free port of 127.0.0.1 until killed."""
    taken = Taken()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(taken), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
