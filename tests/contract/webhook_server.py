"""A little HTTP server that keeps what is posted to it, and a client for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Received:
    """Bodies in the order of their arrival; `statuses` are answered in turn, then 200 always.

    A status of 0 closes the connection without an answer, one below 0 never answers.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.some = asyncio.Event()
        self.statuses: list[int] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request and answer it."""
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        self.bodies.append(await reader.readexactly(length))
        self.some.set()
        status = self.statuses.pop(0) if self.statuses else 200
        if status < 0:
            await reader.read()
        elif status:
            writer.write(b"HTTP/1.1 %d .\r\ncontent-length: 0\r\n\r\n" % status)
            await writer.drain()
        writer.close()

    async def post(self, body: bytes) -> int:
        """Post a body to this server; return the status."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = b"POST /hook HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            return int((await reader.readline()).split()[1])
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Received]:
    """Serve on a free port."""
    received = Received()
    server = await asyncio.start_server(received.serve, "127.0.0.1", 0)
    received.port = server.sockets[0].getsockname()[1]
    try:
        yield received
    finally:
        server.close()
        await server.wait_closed()
