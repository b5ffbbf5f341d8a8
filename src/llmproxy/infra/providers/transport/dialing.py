"""Opening a connection: TCP, a CONNECT tunnel where a proxy stands before the host.

TLS with verification.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from typing_extensions import override

from llmproxy.infra.providers.transport.connection import Connection, Keeper
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    OutOfConnections,
    Silent,
    TransportError,
    Unresolved,
    Untrusted,
    Wait,
)
from llmproxy.infra.providers.transport.proxies import Proxies, Proxy
from llmproxy.infra.providers.transport.resolving import LookUp, Resolver
from llmproxy.infra.providers.transport.target import Origin, Target, target
from llmproxy.infra.providers.transport.tls import Tls

MAX_CONNECT_ANSWER_BYTES = 16 * 1024
EXHAUSTED = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
)
"""What this machine, and no provider, has run out of."""
AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Dialer:
    """Dials one connection at a time per call; holds no state but its TLS context."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keeper: Keeper,
        proxies: Proxies,
        tls: ssl.SSLContext | None,
        look_up: LookUp | None = None,
    ) -> None:
        self._loop = loop
        self._keeper = keeper
        self._proxies = proxies
        self._tls = tls
        self.resolver = Resolver(loop.time, look_up)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # Without a file descriptor OpenSSL would find no authorities, say nothing, and never
            # look again.
            os.close(os.open(os.devnull, os.O_RDONLY))
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def target(self, url: str, headers: dict[str, str], method: str) -> Target:
        """Return the target of a request.

        A proxy before a plain http host wants the whole URL and its own credential.
        """
        plain = target(url, headers, method=method)
        proxy = self._proxies.before(*plain.origin)
        if proxy is None or plain.origin.scheme == "https":
            return plain
        if proxy.authorization:
            headers = {**headers, "proxy-authorization": proxy.authorization}
        return target(url, headers, method=method, through_proxy=True)

    async def dial(self, origin: Origin, limit_s: float) -> Connection:
        """Return a fresh connection for HTTP. Raises as `connect` does."""
        return await self.connect(origin, limit_s, self._make, tunnels=origin.scheme == "https")

    async def connect(
        self, origin: Origin, limit_s: float, make: Callable[[], AnyProtocol], *, tunnels: bool
    ) -> AnyProtocol:
        """Return a connected protocol.

        With `tunnels` a proxy before the host is asked for a tunnel; without, the request itself
        goes to the proxy. Raises ConnectFailed, Silent or OutOfConnections with the reason.
        """
        proxy = self._proxies.before(*origin)
        via = f" through the proxy {proxy.host}:{proxy.port}" if proxy else ""
        try:
            async with asyncio.timeout(limit_s):
                if proxy is None:
                    return await self._direct(origin, limit_s, make)
                if not tunnels:
                    return await self._plain(proxy.host, proxy.port, limit_s, make)
                return await self._tunnelled(origin, proxy, limit_s, make)
        except OSError as error:
            raise _failure(error, origin, via, limit_s) from error

    async def _direct(
        self, origin: Origin, limit_s: float, make: Callable[[], AnyProtocol]
    ) -> AnyProtocol:
        if origin.scheme == "http":
            return await self._plain(origin.host, origin.port, limit_s, make)
        protocol = make()
        context = self._context()
        tls = await self._plain(
            origin.host, origin.port, limit_s, lambda: Tls(context, origin.host, protocol)
        )
        await self._secured(tls)
        return protocol

    def _make(self) -> Connection:
        return Connection(self._loop, self._keeper)

    async def _plain(
        self, host: str, port: int, limit_s: float, make: Callable[[], AnyProtocol]
    ) -> AnyProtocol:
        """Connect to the first address of a host that answers.

        One that is silent takes its share of the time, not all of it.
        """
        addresses = await self.resolver.addresses(host)
        share_s = limit_s / len(addresses)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(share_s):
                    _, protocol = await self._loop.create_connection(make, address, port)
                    return protocol
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
        _, protocol = await self._loop.create_connection(make, addresses[-1], port)
        return protocol

    async def _secured(self, tls: Tls) -> None:
        try:
            await tls.secured
        except ConnectionError as error:
            raise ssl.SSLError(str(error)) from error
        except BaseException:
            tls.abort()
            raise

    async def _tunnelled(
        self, origin: Origin, proxy: Proxy, limit_s: float, make: Callable[[], AnyProtocol]
    ) -> AnyProtocol:
        tunnel = await self._plain(proxy.host, proxy.port, limit_s, _Tunnel)
        transport = tunnel.transport
        try:
            await tunnel.connect(origin, proxy)
        except BaseException:
            transport.abort()
            raise
        protocol = make()
        if origin.scheme == "http":
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            return protocol
        tls = Tls(self._context(), origin.host, protocol)
        transport.set_protocol(tls)
        tls.connection_made(transport)
        await self._secured(tls)
        return protocol


def _failure(error: OSError, origin: Origin, via: str, limit_s: float) -> TransportError:
    """Return what an error of the operating system or of TLS means."""
    place = f"{origin.host}:{origin.port}{via}"
    said = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        message = f"no connection to {origin.host}{via} within {limit_s:g} s"
        return Silent(Wait.CONNECT, limit_s, message)
    if isinstance(error, socket.gaierror):
        return Unresolved(f"the name of {place} cannot be resolved: {said}")
    if isinstance(error, ssl.SSLError):
        # Only OpenSSL's own errors have these two.
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or said
        return Untrusted(f"TLS with {origin.host}{via} failed: {reason}")
    if error.errno in EXHAUSTED:
        return OutOfConnections(f"no connection to {place}: {said}")
    return ConnectFailed(f"no connection to {place}: {said}")


class _Tunnel(asyncio.Protocol):
    """Speaks CONNECT to a proxy (RFC 9110 §9.3.6)."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._answer = b""
        self._opened: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        ended = b"\r\n\r\n" in self._answer or len(self._answer) > MAX_CONNECT_ANSWER_BYTES
        if ended and not self._opened.done():
            self._opened.set_result(self._answer)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError("the proxy closed the connection"))

    async def connect(self, origin: Origin, proxy: Proxy) -> None:
        """Ask for a tunnel. Raises OSError when the proxy refuses."""
        address = f"{origin.host}:{origin.port}"
        head = f"CONNECT {address} HTTP/1.1\r\nhost: {address}\r\n"
        if proxy.authorization:
            head += f"proxy-authorization: {proxy.authorization}\r\n"
        self.transport.write(f"{head}\r\n".encode("latin-1"))
        status_line = (await self._opened).partition(b"\r\n")[0].split(b" ", 2)
        if len(status_line) < 2 or not status_line[1].startswith(b"2"):
            said = b" ".join(status_line[1:]).decode("latin-1")[:100]
            raise ConnectionError(f"the proxy refused the tunnel: {said}")
