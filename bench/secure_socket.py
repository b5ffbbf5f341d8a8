"""TLS connections of the upstream, straight over OpenSSL's sockets.

uvloop's own TLS transport costs the load's core about 25 µs per event and would run out before the
gateways do; a non-blocking `ssl.SSLSocket` that writes each event at once costs a third of that.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

from typing_extensions import override

_READ_BYTES = 65536


class SecureTransport(asyncio.Transport):
    """The part of a transport that this benchmark uses: `write`, `close`, `is_closing`."""

    def __init__(self, connection: ssl.SSLSocket, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._connection = connection
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._fd = connection.fileno()
        self._waiting = bytearray()
        self._shaken = False
        self._closing = False
        self._loop.add_reader(self._fd, self._readable)

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what fits, the rest when there is room."""
        if self._closing:
            return
        if self._waiting:
            self._waiting += data
            return
        sent = self._send(data)
        if sent < len(data):
            self._waiting += data[sent:]
            self._loop.add_writer(self._fd, self._writable)

    @override
    def is_closing(self) -> bool:
        """Whether the connection is over."""
        return self._closing

    @override
    def close(self) -> None:
        """Hang up."""
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._connection.close()
        self._protocol.connection_lost(None)

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self._connection.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError:
            self.close()
            return len(data)

    def _writable(self) -> None:
        del self._waiting[: self._send(self._waiting)]
        if not self._waiting and not self._closing:
            self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        try:
            if not self._shaken:
                self._connection.do_handshake()
                self._shaken = True
                self._protocol.connection_made(self)
            # OpenSSL may hold decrypted bytes that no epoll announces: read until it wants more.
            while data := self._connection.recv(_READ_BYTES):
                self._protocol.data_received(data)
                if self._closing:
                    return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            pass  # reset by the other side, or no handshake: the connection is over in any case
        self.close()


async def serve(
    listener: socket.socket, context: ssl.SSLContext, factory: Callable[[], asyncio.Protocol]
) -> None:
    """Accept for ever."""
    loop = asyncio.get_running_loop()
    while True:
        plain, _ = await loop.sock_accept(listener)
        plain.setblocking(False)  # noqa: FBT003
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        SecureTransport(connection, factory())  # the loop holds it while it is open
