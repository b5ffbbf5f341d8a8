"""HTTPS by the gateway itself: its certificate, and clients' certificates where they are wanted.

A certificate that was renewed is taken up without a restart, by every connection that begins from
then on. Files are looked at every 10 s, and at once after SIGHUP. What cannot be used is logged and
changes nothing: the certificate that is there goes on.
"""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import uvicorn
from typing_extensions import override

from llmproxy.application.life import Life
from llmproxy.domain.secret import Secret
from llmproxy.infra.server.draining import DrainingServer, Ending

logger = logging.getLogger("llmproxy.server")

LOOK_EVERY_S: Final = 10.0
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
LOCKED: Final = b"ENCRYPTED"
"""In the first line of a key that needs a password (RFC 7468 §11), or below it in older files."""
Stamp = tuple[tuple[int, int, int, int], ...]


class TlsFaulty(Exception):
    """The files are no certificate with its key; the message says why, and holds no secret."""


class TlsFiles(NamedTuple):
    """Where the parts are, in PEM. With `clients` only their certificates are let in, over 1.3."""

    certificate: Path
    key: Path
    password: Secret | None = None
    min_version: str = "1.2"
    clients: Path | None = None

    def stamp(self) -> Stamp:
        """Return what changes when a file or who may read it does. Raises OSError."""
        paths = [self.certificate, self.key, *filter(None, [self.clients])]
        found = (path.stat() for path in paths)
        return tuple(
            (each.st_mtime_ns, each.st_ctime_ns, each.st_size, each.st_ino) for each in found
        )


class ServerTls:
    """The context of all listeners; `watch` keeps its certificate that of the files."""

    def __init__(self, files: TlsFiles, look_every_s: float = LOOK_EVERY_S) -> None:
        """Load the files. Raises TlsFaulty."""
        self._files = files
        self._look_every_s = look_every_s
        self._stamp = _stamp(files)
        self._current = self.context = _context(files)
        # Listeners keep the context that they began with; each handshake takes the newest in its
        # place, with its authorities of clients (OpenSSL's ssl_verify_cert_chain looks there).
        self.context.sni_callback = self._take
        self._told = asyncio.Event()

    def _take(self, connection: ssl.SSLObject, _name: str | None, _old: ssl.SSLContext) -> None:
        """Be called by OpenSSL in each handshake, whether or not the client names a host."""
        connection.context = self._current

    def look_now(self) -> None:
        """Have the files looked at at once."""
        self._told.set()

    async def watch(self) -> None:
        """Take up what changes, until this is cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), self._look_every_s)
            told = self._told.is_set()
            self._told.clear()
            try:
                await self._look(told=told)
            except (TlsFaulty, OSError) as error:
                logger.error("the TLS certificate in use stays: %s", error)  # noqa: TRY400 - no crash

    async def _look(self, *, told: bool) -> None:
        """Load the files if they have changed, or if somebody said so."""
        stamp = await asyncio.to_thread(self._files.stamp)
        if stamp == self._stamp and not told:
            return
        self._stamp = stamp
        self._current = await asyncio.to_thread(_context, self._files)
        logger.info("the TLS certificate is that of %s, as it is now", self._files.certificate)


def _stamp(files: TlsFiles) -> Stamp:
    try:
        return files.stamp()
    except OSError as error:
        raise TlsFaulty(f"{error.filename} cannot be read: {error.strerror}") from error


def _context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context with what the files hold. Raises TlsFaulty."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[files.min_version]
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if files.clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        # A session that is taken up again would let in whose authority was taken away. Before 1.3
        # OpenSSL keeps sessions by their ids too, for two hours, and Python cannot switch that off
        # (SSL_CTX_set_session_cache_mode).
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    _load(context, files)
    return context


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Load the files into a context. Raises TlsFaulty."""
    password = files.password
    try:
        context.load_cert_chain(files.certificate, files.key, _asked(password))
    except ssl.SSLError as error:
        raise TlsFaulty(_why(files, error)) from None
    except OSError as error:
        raise TlsFaulty(f"{files.certificate}, {files.key}: {error.strerror}") from None
    if files.clients is None:
        return
    try:
        context.load_verify_locations(files.clients)
    except ssl.SSLError:
        raise TlsFaulty(f"{files.clients} holds no certificates in PEM") from None
    except OSError as error:
        raise TlsFaulty(f"{files.clients}: {error.strerror}") from None


def _asked(password: Secret | None) -> Callable[[], str]:
    """Return what OpenSSL asks for a password: without an answer it would ask the terminal."""
    return lambda: "" if password is None else password.expose()


def _why(files: TlsFiles, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {files.key} is not that of the certificate in {files.certificate}"
    if _is_locked(files.key):
        return f"the key in {files.key} has another password, or needs one: TLS_KEY_PASSWORD_NAME"
    why = error.reason or "it is no PEM"
    return f"{files.certificate} and {files.key} are no certificate with its key: {why}"


def _is_locked(key: Path) -> bool:
    with suppress(OSError):
        return LOCKED in key.read_bytes()
    return False


class TlsServer(DrainingServer):
    """The same server over TLS."""

    def __init__(self, config: uvicorn.Config, life: Life, ending: Ending, tls: ServerTls) -> None:
        super().__init__(config, life, ending)
        self._tls = tls
        self._watching: asyncio.Task[None] | None = None

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        tls = self._tls
        self.config.ssl = tls.context
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, tls.look_now)
        self._watching = asyncio.create_task(tls.watch())
        await super().startup(sockets)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await super().shutdown(sockets)
