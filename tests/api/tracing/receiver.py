"""An HTTP server of our own that keeps what is posted to it."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


@dataclass
class Receiver:
    """`posted` holds paths, headers and bodies; it answers `status` with `answer`.

    It answers nothing while `open` is not set.
    """

    url: str = ""
    status: int = 200
    answer: bytes = b""
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[bytes]:
        """What was posted to a path."""
        return [body for at, _, body in tuple(self.posted) if at == path]

    @property
    def everything(self) -> bytes:
        """All that was ever received, heads and bodies."""
        return b"\n".join(repr((at, head)).encode() + body for at, head, body in self.posted)


@contextmanager
def receiving(answer: bytes = b"") -> Iterator[Receiver]:
    """Listen on a free port."""
    receiver = Receiver(answer=answer)
    receiver.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.open.wait(60)
            named = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append((self.path, named, body))
            self.send_response(receiver.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Write nothing: the test tells what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
