"""Opening a connection: TCP, a CONNECT tunnel where a proxy stands before the host.

TLS with verification.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from typing_extensions import override

from llmproxy.infra.providers.transport.connection import Connection, Keeper
from llmproxy.infra.providers.transport.errors import ConnectFailed
from llmproxy.infra.providers.transport.proxies import Proxies, Proxy
from llmproxy.infra.providers.transport.target import Origin, Target, target
from llmproxy.infra.providers.transport.tls import Tls

MAX_CONNECT_ANSWER_BYTES = 16 * 1024
AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Dialer:
    """Dials one connection at a time per call; holds no state but its TLS context."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keeper: Keeper,
        proxies: Proxies,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._loop = loop
        self._keeper = keeper
        self._proxies = proxies
        self._tls = tls

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
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
        """Return a fresh connection for HTTP. Raises ConnectFailed with the reason."""
        return await self.connect(origin, limit_s, self._make, tunnels=origin.scheme == "https")

    async def connect(
        self, origin: Origin, limit_s: float, make: Callable[[], AnyProtocol], *, tunnels: bool
    ) -> AnyProtocol:
        """Return a connected protocol. Raises ConnectFailed with the reason.

        With `tunnels` a proxy before the host is asked for a tunnel; without, the request itself
        goes to the proxy.
        """
        proxy = self._proxies.before(*origin)
        via = f" through the proxy {proxy.host}:{proxy.port}" if proxy else ""
        try:
            async with asyncio.timeout(limit_s):
                if proxy is None:
                    return await self._direct(origin, make)
                if not tunnels:
                    return await self._plain(proxy.host, proxy.port, make)
                return await self._tunnelled(origin, proxy, make)
        except TimeoutError as error:
            raise ConnectFailed(
                f"no connection to {origin.host}{via} within {limit_s:g} s"
            ) from error
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise ConnectFailed(f"TLS with {origin.host}{via} failed: {reason}") from error
        except OSError as error:
            raise ConnectFailed(
                f"no connection to {origin.host}:{origin.port}{via}:"
                f" {str(error) or type(error).__name__}"
            ) from error

    async def _direct(self, origin: Origin, make: Callable[[], AnyProtocol]) -> AnyProtocol:
        if origin.scheme == "http":
            return await self._plain(origin.host, origin.port, make)
        protocol = make()
        _, tls = await self._loop.create_connection(
            lambda: Tls(self._context(), origin.host, protocol), origin.host, origin.port
        )
        await self._secured(tls)
        return protocol

    def _make(self) -> Connection:
        return Connection(self._loop, self._keeper)

    async def _plain(self, host: str, port: int, make: Callable[[], AnyProtocol]) -> AnyProtocol:
        _, protocol = await self._loop.create_connection(make, host, port)
        return protocol

    async def _secured(self, tls: Tls) -> None:
        try:
            await tls.secured
        except BaseException:
            tls.abort()
            raise

    async def _tunnelled(
        self, origin: Origin, proxy: Proxy, make: Callable[[], AnyProtocol]
    ) -> AnyProtocol:
        transport, tunnel = await self._loop.create_connection(_Tunnel, proxy.host, proxy.port)
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
