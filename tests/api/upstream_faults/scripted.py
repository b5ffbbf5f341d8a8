"""An upstream that answers with the very bytes of a test: for what no vendor would send."""

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Line:
    """What one request is answered with, piece by piece, and whether the connection is closed."""

    pieces: tuple[bytes, ...] = ()
    closes: bool = False


@dataclass(slots=True)
class Scripted:
    """`script` is used up answer by answer; a request too many closes the connection."""

    port: int
    script: deque[Line] = field(default_factory=deque)
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def base_url(self) -> str:
        """What the `endpoint` of a document is."""
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *answers: bytes | tuple[bytes, ...], closes: bool = False) -> None:
        """Answer the next requests so, and forget what was planned and asked before.

        Between the pieces of an answer there is a pause.
        """
        lines = [(data,) if isinstance(data, bytes) else data for data in answers]
        self.script = deque(Line(pieces, closes) for pieces in lines)
        self.asked.clear()

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        with connection, suppress(ConnectionError):
            while (request := _request(connection)) is not None:
                self.asked.append(request)
                line = self.script.popleft() if self.script else Line(closes=True)
                for number, piece in enumerate(line.pieces):
                    time.sleep(PAUSE_S if number else 0)
                    connection.sendall(piece)
                if line.closes:
                    return


def _request(connection: socket.socket) -> bytes | None:
    """The bytes of the next request, or None when the client has left."""
    data = b""
    while HEAD_END not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(HEAD_END)
    [length] = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(length.partition(b":")[2]):
        body += connection.recv(65_536)
    return head + HEAD_END + body


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Serve in threads while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Scripted(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, upstream), daemon=True).start()
        yield upstream
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, upstream: Scripted) -> None:
    with suppress(OSError):  # the listener was closed
        while True:
            connection, _ = listener.accept()
            upstream.connections += 1
            threading.Thread(target=upstream.serve, args=(connection,), daemon=True).start()


def http(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer with its length."""
    head = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *lines]
    if not any(line.lower().startswith(b"content-type:") for line in lines):
        head.append(b"content-type: application/json")
    return b"\r\n".join(head) + HEAD_END + body


def events(*pieces: bytes) -> tuple[bytes, ...]:
    """A whole stream; each piece of it arrives by itself."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return (head + HEAD_END, *chunks, b"0\r\n\r\n")
