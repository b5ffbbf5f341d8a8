"""An upstream that takes uploads as no good one does: refusing early, resetting, slowly, never."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PIECE_BYTES = 64 * 1024
ANSWER = b'{"text":"heard"}'
REFUSAL = (
    b'{"error":{"message":"Too large.","type":"invalid_request_error","param":null,"code":"x"}}'
)
Way = Callable[["Taking"], None]


@dataclass(slots=True)
class Taking:
    """One request as it is taken."""

    connection: socket.socket
    taken_bytes: int = 0
    promised_bytes: int = 0

    def head(self) -> None:
        """Take the head, and what came with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._piece()
        head, _, rest = data.partition(b"\r\n\r\n")
        [length] = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
        self.promised_bytes = int(length.partition(b":")[2])
        self.taken_bytes = len(rest)

    def body(self, most: int | None = None, *, pause_s: float = 0) -> None:
        """Take so much of the body, or all."""
        wanted = self.promised_bytes if most is None else most
        while self.taken_bytes < wanted:
            self.taken_bytes += len(self._piece())
            if pause_s:
                time.sleep(pause_s)

    def _piece(self) -> bytes:
        piece = self.connection.recv(PIECE_BYTES)
        if not piece:
            raise ConnectionError("the client has left")
        return piece

    def say(self, status: bytes, body: bytes) -> None:
        """Answer."""
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nconnection: close\r\n" % status
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.connection.sendall(head + length + body)

    def reset(self) -> None:
        """End the connection as a crash does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def wait_for_the_end(self) -> None:
        """Read nothing until the client has closed."""
        while True:
            self.taken_bytes += len(self._piece())


def refuses_early(taking: Taking) -> None:
    """Say no after a few bytes, and read no more for a while."""
    taking.head()
    taking.say(b"413 Content Too Large", REFUSAL)
    time.sleep(0.3)
    taking.wait_for_the_end()


def resets(taking: Taking) -> None:
    """Crash in the middle of the body."""
    taking.head()
    taking.body(2 * PIECE_BYTES)
    taking.reset()


def is_slow(taking: Taking) -> None:
    """Take everything, slowly."""
    taking.head()
    taking.body(pause_s=0.004)
    taking.say(b"200 OK", ANSWER)
    taking.wait_for_the_end()


def never_reads(taking: Taking) -> None:
    """Take the head and nothing else for a long time."""
    taking.head()
    time.sleep(3)
    taking.wait_for_the_end()


@dataclass(slots=True)
class OddUpstream:
    """`way` is how requests are taken; `takings` are all of them."""

    port: int
    way: Way = is_slow
    takings: list[Taking] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What the `endpoint` of a document is."""
        return f"http://127.0.0.1:{self.port}/v1"

    def serve(self, connection: socket.socket) -> None:
        """Take the request of one connection."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
        taking = Taking(connection)
        self.takings.append(taking)
        with connection, suppress(OSError):
            self.way(taking)


@contextmanager
def odd_upstream() -> Iterator[OddUpstream]:
    """Serve in threads while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = OddUpstream(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, upstream), daemon=True).start()
        yield upstream
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, upstream: OddUpstream) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=upstream.serve, args=(connection,), daemon=True).start()
