"""A small strict HTTP/1.1 server side on asyncio streams: what the simulators read, and how they
frame what they write.

Standard library only, so that a simulator runs under any Python >= 3.11. Syntax: RFC 9112;
whatever it leaves doubtful (bare line feeds, folded headers, both length headers) is a 400, as
strict vendors' front ends answer.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"/[!-~]*")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class BadRequestError(Exception):
    """Bytes that are no HTTP/1.1 request. `status` is what the client is told before the
    connection closes.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received: header names as they were written and in their order, the body
    without its framing.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        """The path, percent-decoded, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's pairs in their order."""
        return tuple(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def wants_close(self) -> bool:
        """Whether the client said that this is the connection's last request."""
        return "close" in (self.header("connection") or "").lower()


class WatchedProtocol(asyncio.StreamReaderProtocol):
    """The streams protocol, with an event that is set as soon as the client ends or loses its
    side.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        gone: asyncio.Event,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    ) -> None:
        super().__init__(reader, connected)
        self.gone = gone

    def eof_received(self) -> bool | None:
        """The client closed its side: nobody reads the answer any more."""
        self.gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone altogether."""
        self.gone.set()
        super().connection_lost(exc)


class Connection:
    """One client connection: requests in, framed bytes out. `gone` is set when the client goes
    away.
    """

    def __init__(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gone: asyncio.Event,
    ) -> None:
        self.number = number
        self.gone = gone
        self._reader = reader
        self._writer = writer

    async def read_request(self) -> Request | None:
        """The next request, or None when the client closed. Raises BadRequestError."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            method, target, headers = _parse_head(head[:-4].decode("latin-1"))
            body = await self._read_body(headers)
        except asyncio.LimitOverrunError as error:
            raise BadRequestError(431, "the head of the request is too large") from error
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Request(method, target, headers, body)

    async def _read_body(self, headers: tuple[tuple[str, str], ...]) -> bytes:
        lengths = _values(headers, "content-length")
        codings = _values(headers, "transfer-encoding")
        if "100-continue" in _values(headers, "expect"):
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if codings:
            if lengths or [coding.lower() for coding in codings] != ["chunked"]:
                raise BadRequestError(400, "doubtful framing: transfer-encoding")
            return await self._read_chunks()
        if not lengths:
            return b""
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,12}", lengths[0]):
            raise BadRequestError(400, "doubtful framing: content-length")
        if int(lengths[0]) > MAX_BODY_BYTES:
            raise BadRequestError(413, "the body is too large")
        return await self._reader.readexactly(int(lengths[0]))

    async def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = (await self._reader.readuntil(b"\r\n"))[:-2].partition(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                raise BadRequestError(400, "a chunk's size is not hexadecimal")
            size = int(line, 16)
            if len(body) + size > MAX_BODY_BYTES:
                raise BadRequestError(413, "the body is too large")
            body += await self._reader.readexactly(size)
            if size and await self._reader.readexactly(2) != b"\r\n":
                raise BadRequestError(400, "a chunk is longer than its size")
            if size == 0:
                break
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers carry nothing that a simulator looks at
        return bytes(body)

    async def read_exactly(self, size: int) -> bytes:
        """That many bytes, of a connection that has left HTTP."""
        return await self._reader.readexactly(size)

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the client took enough of what was written."""
        await self._writer.drain()

    def close(self) -> None:
        """Close after what was written is sent (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Drop the connection with a TCP RST, as a crashed process or a firewall does."""
        if not self._writer.is_closing():
            plain = self._writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def head_bytes(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The status line and headers, with the empty line that ends them."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk_bytes(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _values(headers: tuple[tuple[str, str], ...], name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _parse_head(head: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] != "HTTP/1.1":
        raise BadRequestError(400, "the request line is not: METHOD SP target SP HTTP/1.1")
    method, target, _ = parts
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise BadRequestError(400, "the method or the target holds forbidden characters")
    headers = tuple(_parse_field(line) for line in lines)
    if len(_values(headers, "host")) != 1:
        raise BadRequestError(400, "there is not exactly one Host header")
    return method, target, headers


def _parse_field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise BadRequestError(400, "a header line is malformed")
    return name, value.strip(" \t")
