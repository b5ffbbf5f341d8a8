"""A client on a bare socket: sends any bytes, reads answers strictly, never waits for ever."""

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

CHAT = b"/v1/chat/completions"
HELLO = b'[{"role":"user","content":"hello there"}]'
PATIENCE_S = 5.0
"""No answer within this time is a hang: the server's own limits in these tests are far shorter."""

_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9a-z-]+): ([\x20-\x7e]*)\r\n")
ENVELOPE = {"message", "type", "param", "code"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names as they were sent, which must be in small letters."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header that stands at most once."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"{name} stands {len(values)} times"
        return values[0] if values else None

    @property
    def error(self) -> dict[str, Any]:
        """The inside of OpenAI's envelope. Raises AssertionError when the body is not one."""
        assert self.header("content-type") == "application/json"
        body = json.loads(self.body)
        assert list(body) == ["error"]
        error: dict[str, Any] = body["error"]
        assert set(error) == ENVELOPE
        assert isinstance(error["message"], str)
        assert isinstance(error["type"], str)
        assert error["param"] is None or isinstance(error["param"], str)
        assert isinstance(error["code"], str), "a program needs a word to switch on"
        assert not error["code"].isdecimal()
        return error


class Wire:
    """A connection. Every wait ends after `PATIENCE_S` in a TimeoutError: the server hangs."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._file = connection.makefile("rb")

    def close(self) -> None:
        """Be done with it; the socket itself is closed by who opened it."""
        self._file.close()

    def leave(self) -> None:
        """Leave in good order."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Leave as a crashed process or a firewall does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._file.close()
        self.socket.close()

    def say_no_more(self) -> None:
        """Say that nothing more will come, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Send; a server that has answered and closed already may not want all of it."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def answer(self, *, head: bool = False, status: int | None = None) -> Answer:
        """Read one answer: to its content-length, its last chunk, or the connection's end.

        With `head` it has no body, whatever its headers say. With `status` its first line has been
        read already.
        """
        status = status or self._status()
        headers = self._headers()
        while status < 200:
            status, headers = self._status(), self._headers()
        return Answer(status, tuple(headers), b"" if head else self._body(headers))

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Read status and headers only: what follows is another protocol's."""
        return self._status(), self._headers()

    def take(self, size: int) -> bytes:
        """Exactly so many bytes of another protocol."""
        data = self._file.read(size)
        assert len(data) == size, "the connection ended"
        return data

    def _status(self) -> int:
        status_line = self._file.readline(1000)
        matched = _STATUS_LINE.fullmatch(status_line)
        assert matched, f"not a status line: {status_line!r}"
        return int(matched[1])

    def _headers(self) -> list[tuple[str, str]]:
        headers = []
        while (line := self._file.readline(70_000)) != b"\r\n":
            field = _FIELD.fullmatch(line)
            assert field, f"not a header: {line!r}"
            headers.append((field[1].decode(), field[2].decode()))
        return headers

    def _body(self, headers: list[tuple[str, str]]) -> bytes:
        named = dict(headers)
        if "content-length" in named:
            assert "transfer-encoding" not in named
            body = self._file.read(int(named["content-length"]))
            assert len(body) == int(named["content-length"]), "the answer was cut"
            return body
        if named.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        assert named.get("connection") == "close"
        return self._file.read()

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._file.readline(100)
            assert re.fullmatch(rb"[0-9a-f]+\r\n", size), f"not a chunk's size: {size!r}"
            chunk = self._file.read(int(size, 16))
            assert self._file.read(2) == b"\r\n"
            if not chunk:
                return
            yield chunk

    def line(self) -> bytes:
        """One line of whatever comes next."""
        return self._file.readline(100_000)

    def rest(self) -> bytes:
        """Everything up to the end of the connection. Raises ConnectionResetError."""
        return self._file.read()

    def ends(self) -> bool:
        """Whether the server closes the connection, in order or by a reset, and says no more."""
        try:
            return self._file.read(1) == b""
        except ConnectionError:
            return True


@contextmanager
def connected(url: str, *, window_bytes: int | None = None) -> Iterator[Wire]:
    """A connection to the server at `url`, closed at the end.

    With `window_bytes` the machine takes about that much for a client that does not read.
    """
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as connection:
        connection.settimeout(PATIENCE_S)
        if window_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
        connection.connect((host, int(port)))
        wire = Wire(connection)
        try:
            yield wire
        finally:
            wire.close()


def exchange(url: str, request: bytes) -> Answer:
    """Send one request on a connection of its own and return its answer."""
    with connected(url) as wire:
        wire.send(request)
        return wire.answer(head=request.startswith(b"HEAD "))


def get(path: bytes = b"/health", *lines: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body; `lines` are further header lines without their line ends."""
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"host: localhost", *lines, b"", b""])


def post(body: bytes, *lines: bytes, path: bytes = CHAT, length: int | None = None) -> bytes:
    """A JSON POST; `length` is what its content-length says instead of the truth."""
    size = len(body) if length is None else length
    kind = (
        ()
        if any(b"content-type:" in line for line in lines)
        else (b"content-type: application/json",)
    )
    return get(path, *kind, b"content-length: %d" % size, *lines, method=b"POST") + body


def chat(more: bytes = b"", model: bytes = b"echo") -> bytes:
    """The JSON of a chat request; `more` is further fields, such as b'"n":2'."""
    comma = b"," if more else b""
    return b'{"model":"%b","messages":%b%b%b}' % (model, HELLO, comma, more)
