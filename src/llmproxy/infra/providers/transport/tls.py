"""TLS over a connection: a transport to the protocol above it, a protocol to the transport below.

The event loop's own (uvloop's SSLProtocol, asyncio's sslproto) raises and catches an exception for
every piece that arrives, because it reads until there is nothing left; here OpenSSL is only asked
while it has something. Measured over requests of 1 kB: a third of what TLS costs.
"""

import asyncio
import ssl
from collections.abc import Iterable

from typing_extensions import override

RECORD_BYTES = 16 * 1024
"""The most that one TLS record holds (RFC 8446 §5.1): one read returns one record."""


class Tls(asyncio.Transport, asyncio.Protocol):
    """The client's side of one TLS connection, handshake included.

    `secured` is done when the handshake is; it raises ssl.SSLError or OSError when it failed. A
    connection that ends without TLS's own good-bye (close_notify) ends with an error: what has no
    other end might have been cut.
    """

    def __init__(self, context: ssl.SSLContext, host: str, above: asyncio.Protocol) -> None:
        super().__init__()
        self._arrived = ssl.MemoryBIO()
        self._leaving = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_hostname=host)
        self._above = above
        self._below: asyncio.Transport
        self._open = False
        self._said_goodbye = False
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.secured.add_done_callback(_seen)  # a dialer that gave up does not ask

    # ---------------------------------------------------------------- towards the connection below

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._below = transport  # type: ignore[assignment]
        self._shake_hands()

    @override
    def data_received(self, data: bytes) -> None:
        self._arrived.write(data)
        if not self._open:
            self._shake_hands()
        if self._open:
            self._read()

    @override
    def eof_received(self) -> None:
        """Let the connection below close."""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._open:
            cut = None if self._said_goodbye else ConnectionResetError("TLS ended in the middle")
            self._above.connection_lost(exc or cut)
        elif not self.secured.done():
            closed = ConnectionResetError("the connection was closed during the TLS handshake")
            self.secured.set_exception(exc or closed)

    @override
    def pause_writing(self) -> None:
        self._above.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._above.resume_writing()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the other side why
            if not self.secured.done():
                self.secured.set_exception(error)
            self._below.close()
        else:
            self._flush()
            self._open = True
            self._above.connection_made(self)
            if not self.secured.done():
                self.secured.set_result(None)

    def _read(self) -> None:
        pieces = self._decrypted()
        if pieces:
            self._above.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._leaving.pending:  # an answer of TLS's own, to a new key for instance
            self._flush()
        if self._said_goodbye:
            self._below.close()

    def _decrypted(self) -> list[bytes]:
        """Return what whole records hold; the rest of one waits for its end."""
        pieces: list[bytes] = []
        arrived, tls = self._arrived, self._tls
        try:
            while arrived.pending or tls.pending():
                piece = tls.read(min(arrived.pending, RECORD_BYTES) or RECORD_BYTES)
                if not piece:
                    self._said_goodbye = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return pieces
        except ssl.SSLZeroReturnError:
            self._said_goodbye = True
        except ssl.SSLError:
            self._below.abort()
        return pieces

    def _flush(self) -> None:
        data = self._leaving.read()
        if data:
            self._below.write(data)

    # ----------------------------------------------------------------- towards the protocol above

    def _encrypt(self, data: bytes | bytearray | memoryview) -> None:
        written = self._tls.write(data)
        if written < len(data):
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[self._tls.write(rest) :]

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._below.is_closing():
            self._encrypt(data)
            self._below.write(self._leaving.read())

    @override
    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    @override
    def close(self) -> None:
        if self._below.is_closing():
            return
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            self._said_goodbye = True  # ours is said; the other side's need not be waited for
        self._flush()
        self._below.close()

    @override
    def abort(self) -> None:
        self._below.abort()

    @override
    def is_closing(self) -> bool:
        return self._below.is_closing()

    @override
    def pause_reading(self) -> None:
        self._below.pause_reading()

    @override
    def resume_reading(self) -> None:
        self._below.resume_reading()

    @override
    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    @override
    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)


def _seen(secured: asyncio.Future[None]) -> None:
    if not secured.cancelled():
        secured.exception()
