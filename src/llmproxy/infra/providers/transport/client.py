"""The client itself: connections pooled by origin, one timer for all limits, one retry if stale."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from llmproxy.application.interfaces.call import Outgoing
from llmproxy.domain.frames import forget_frames
from llmproxy.infra.providers.transport.beat import Beat
from llmproxy.infra.providers.transport.connection import Connection, Keeper
from llmproxy.infra.providers.transport.descriptors import within_descriptors
from llmproxy.infra.providers.transport.dialing import Dialer
from llmproxy.infra.providers.transport.errors import Cut, OutOfConnections, Silent
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.resolving import LookUp
from llmproxy.infra.providers.transport.target import Origin, Patience, Target, target

if TYPE_CHECKING:
    from llmproxy.infra.providers.transport.switching import Switching

TICK_S = 0.1
PRUNE_EVERY_S = 5.0
MAX_IDLE_S = 60.0
STALE_WITHIN_S = 5.0
MAX_IDLE_PER_ORIGIN = 512
MAX_CLOSED_AT_ONCE = 64
MAX_ANSWER_BYTES = 256 * 1024 * 1024
STREAM_MAX_BUFFER_BYTES = 16 * 1024 * 1024


class Closable(Protocol):
    """A connection that has left HTTP."""

    def abort(self) -> None:
        """Close at once."""


class HttpClient(Keeper):
    """Requests over HTTP/1.1, plain or TLS, directly or through a proxy.

    At most `max_connections` are open at once over all origins, fewer where there are too few file
    descriptors for that; one more is `OutOfConnections`. A
    request on a kept connection that the provider closed before one byte of an answer is sent once
    more on a fresh one; nothing else is ever sent twice here.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        proxies: Proxies,
        tls: ssl.SSLContext | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        """`tls` and `look_up` take the place of the system's certificates and its resolver.

        `further`, where it is set, gives header lines that every request carries too, each with its
        CRLF.
        """
        self._loop = asyncio.get_running_loop()
        self.beat = Beat(self._loop)
        self._dialer = Dialer(self._loop, self, proxies, tls, look_up)
        self._idle: dict[Origin, deque[Connection]] = {}
        self._origins: dict[Connection, Origin] = {}
        self._active: set[Exchange] = set()
        self._ticker: asyncio.TimerHandle | None = None
        self._pruner: asyncio.TimerHandle | None = None
        self._dialing = 0
        self._sockets: set[Closable] = set()
        self.max_connections = within_descriptors(max_connections)
        self.further: Callable[[], bytes] | None = None

    async def fetch(
        self, target: Target, body: bytes | Outgoing, patience: Patience
    ) -> tuple[Exchange, bytes]:
        """Send `body` and return the answered exchange with its whole body.

        Raises TransportError.
        """
        exchange = await self._ask(target, body, patience, streaming=False)
        try:
            return exchange, await exchange.whole()
        except Cut as error:
            if not was_stale(exchange, error):
                raise
            forget_frames(error)
        exchange = await self._ask(target, body, patience, streaming=False, after=exchange)
        return exchange, await exchange.whole()

    async def open(
        self,
        target: Target,
        body: bytes | Outgoing,
        patience: Patience,
        after: Exchange | None = None,
    ) -> Exchange:
        """Send `body` and return its exchange at once. Raises TransportError.

        When `answered` raises a Cut that `was_stale`, the caller opens once more `after` it: over a
        fresh connection, and by the clock of the first.
        """
        return await self._ask(target, body, patience, streaming=True, after=after)

    async def _ask(
        self,
        target: Target,
        body: bytes | Outgoing,
        patience: Patience,
        *,
        streaming: bool,
        after: Exchange | None = None,
    ) -> Exchange:
        now = self._loop.time()
        began_at = now if after is None else after.began_at
        connection = self._take(target.origin) if after is None else None
        if connection is None:
            connection = await self._connect(target.origin, patience, now - began_at)
        max_bytes = STREAM_MAX_BUFFER_BYTES if streaming else MAX_ANSWER_BYTES
        exchange = Exchange(
            self._loop, connection, patience, max_bytes, streaming=streaming, began_at=began_at
        )
        self._active.add(exchange)
        if self._ticker is None:
            self._ticker = self._loop.call_later(TICK_S, self._tick)
        head = target.head if self.further is None else target.head + self.further()
        connection.send(exchange, head, body)
        return exchange

    def target(self, url: str, headers: dict[str, str], method: str = "POST") -> Target:
        """Return the target of a request to `url`, in the form that the proxy before it wants.

        If there is one.
        """
        return self._dialer.target(url, headers, method)

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def switch(self, url: str, headers: dict[str, str], limit_s: float) -> "Switching":
        """Connect and ask for a WebSocket; connecting and asking may each take `limit_s`.

        Raises TransportError.
        """
        from llmproxy.infra.providers.transport.switching import Switching  # noqa: PLC0415

        # Imported where there is a model for it, so that a gateway without any starts at once.
        asked = target(url, headers, method="GET")
        with self._dialled():
            switching = await self._dialer.connect(
                asked.origin, limit_s, lambda: Switching(self._sockets.discard), tunnels=True
            )
        self._sockets.add(switching)
        head = asked.head if self.further is None else asked.head + self.further()
        await switching.ask(head, limit_s)
        return switching

    @contextmanager
    def _dialled(self) -> Iterator[None]:
        """Count a connection while it is being opened. Raises OutOfConnections."""
        if self._full:
            self._close_idle(1)
        if self._full:
            raise OutOfConnections(f"all {self.max_connections} upstream connections are in use")
        self._dialing += 1
        try:
            yield
        except OutOfConnections:
            self._close_idle(MAX_CLOSED_AT_ONCE)  # the next call finds a file descriptor free
            raise
        finally:
            self._dialing -= 1

    @property
    def _full(self) -> bool:
        held = len(self._origins) + len(self._sockets) + self._dialing
        return held >= self.max_connections

    def _close_idle(self, most: int) -> None:
        """Close kept connections for the sake of others."""
        for idle in tuple(self._idle.values()):
            while idle and most:
                connection = idle.popleft()
                self._origins.pop(connection, None)
                connection.transport.close()
                most -= 1

    async def _connect(self, origin: Origin, patience: Patience, spent_s: float) -> Connection:
        left_s, what = patience.dial_s(spent_s)
        try:
            with self._dialled():
                connection = await self._dialer.dial(origin, left_s)
        except Silent as silent:
            silent.what = what
            silent.limit_s = patience.limits[what]
            silent.by_client = what in patience.of_client
            raise
        self._origins[connection] = origin
        return connection

    def _tick(self) -> None:
        now = self._loop.time()
        for exchange in tuple(self._active):
            exchange.check(now)
        self._ticker = self._loop.call_later(TICK_S, self._tick) if self._active else None

    @override
    def over(self, exchange: Exchange) -> None:
        self._active.discard(exchange)

    @override
    def release(self, connection: Connection) -> None:
        origin = self._origins.get(connection)
        if origin is None:
            return
        idle = self._idle.setdefault(origin, deque())
        if len(idle) >= MAX_IDLE_PER_ORIGIN:
            connection.transport.close()
            return
        idle.append(connection)
        if self._pruner is None:
            self._pruner = self._loop.call_later(PRUNE_EVERY_S, self._prune)

    @override
    def forget(self, connection: Connection) -> None:
        origin = self._origins.pop(connection, None)
        if (
            origin is not None
            and connection.exchange is None
            and connection in self._idle.get(origin, ())
        ):
            self._idle[origin].remove(connection)

    def _prune(self) -> None:
        oldest = self._loop.time() - MAX_IDLE_S
        for origin, idle in tuple(self._idle.items()):
            while idle and idle[0].idle_since < oldest:
                idle.popleft().transport.close()
            if not idle:
                del self._idle[origin]
        self._pruner = self._loop.call_later(PRUNE_EVERY_S, self._prune) if self._idle else None

    def sizes(self) -> dict[str, int]:
        """Return the gauges `open`, `idle`, `active` and `resolving` for the metrics."""
        idle = sum(len(each) for each in self._idle.values())
        held = len(self._origins) + len(self._sockets)
        active = len(self._active) + len(self._sockets)
        resolving = self._dialer.resolver.asking
        return {"open": held, "idle": idle, "active": active, "resolving": resolving}

    async def close(self) -> None:
        """Close every connection; exchanges in flight fail."""
        for timer in (self._ticker, self._pruner):
            if timer is not None:
                timer.cancel()
        for exchange in tuple(self._active):
            exchange.close()
        for connection in tuple(self._origins):
            connection.transport.close()
        for socket in tuple(self._sockets):
            socket.abort()
        await asyncio.sleep(0)


def was_stale(exchange: Exchange, error: Cut) -> bool:
    """Whether the exchange failed only because the provider had closed a kept connection.

    That shows at once. Who closes one later has had the time to begin with the work, and the same
    request might be paid for twice.
    """
    line = exchange.line
    if not (error.before_answer and isinstance(line, Connection) and line.used):
        return False
    return asyncio.get_running_loop().time() - exchange.began_at < STALE_WITHIN_S
