"""A forward proxy: tunnels by CONNECT, requests in absolute form, and the ways in which it fails.

RFC 9110 §9.3.6 and RFC 9112 §3.2.2. Each client connection has a thread; a request in absolute form
ends its connection.
"""

import base64
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_PIECE_BYTES = 65_536
_UPSTREAM_S = 5.0


class Mood(StrEnum):
    """What it does with requests."""

    SERVE = "serve"
    REFUSE = "refuse"  # 403
    HANG = "hang"
    CLOSE = "close"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Seen:
    """The head of a request as it arrived at the proxy."""

    line: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """The value of a header that stands at most once."""
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) <= 1, f"{name} stands {len(values)} times"
        return values[0] if values else None


@dataclass(slots=True)
class ForwardProxy:
    """`user` and `password` are asked of every request when they are set."""

    port: int
    user: str = ""
    password: str = ""
    mood: Mood = Mood.SERVE
    seen: list[Seen] = field(default_factory=list)

    def serve(self, client: socket.socket) -> None:
        """Serve one client connection to its end."""
        with client, suppress(OSError):
            head, rest = _head(client)
            first, *lines = head.decode("latin-1").split("\r\n")
            fields = tuple((line.partition(": ")[0], line.partition(": ")[2]) for line in lines)
            seen = Seen(first, fields)
            self.seen.append(seen)
            if self.mood is Mood.HANG:
                client.recv(1)
            elif self.mood is Mood.GARBAGE:
                client.sendall(b"\0\1\2 this is no proxy" + _END)
            elif self.mood is Mood.REFUSE:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0" + _END)
            elif self.mood is Mood.SERVE and not self._knows(seen):
                client.sendall(b"HTTP/1.1 407 Who Are You\r\ncontent-length: 0" + _END)
            elif self.mood is Mood.SERVE:
                self._forward(client, seen, rest)

    def _knows(self, seen: Seen) -> bool:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return not self.user or seen.header("proxy-authorization") == f"Basic {pair}"

    def _forward(self, client: socket.socket, seen: Seen, rest: bytes) -> None:
        method, target, _ = seen.line.split(" ")
        address = target if method == "CONNECT" else urlsplit(target).netloc
        host, _, port = address.rpartition(":")
        try:
            upstream = socket.create_connection((host, int(port)), _UPSTREAM_S)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0" + _END)
            return
        with upstream:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established" + _END)
            else:
                upstream.sendall(_as_origin_sees_it(seen) + rest)
            _pump(client, upstream)


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request, and what has arrived behind it. Raises OSError when none comes."""
    data = b""
    while _END not in data:
        piece = client.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the client left")
        data += piece
    head, _, rest = data.partition(_END)
    return head, rest


def _as_origin_sees_it(seen: Seen) -> bytes:
    """The head in origin form, without what was said to the proxy only."""
    method, target, version = seen.line.split(" ")
    parts = urlsplit(target)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    kept = [
        f"{name}: {value}" for name, value in seen.headers if not name.lower().startswith("proxy-")
    ]
    lines = [f"{method} {path} {version}", *kept, "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    while True:
        for source in select.select([one, other], [], [])[0]:
            data = source.recv(_PIECE_BYTES)
            if not data:
                return
            (other if source is one else one).sendall(data)


@contextmanager
def forward_proxy(user: str = "", password: str = "") -> Iterator[ForwardProxy]:
    """Serve on a free port while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = ForwardProxy(listener.getsockname()[1], user, password)
        threading.Thread(target=_accept, args=(listener, proxy), daemon=True).start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, proxy: ForwardProxy) -> None:
    with suppress(OSError):  # the listener was closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()
