"""How one connection ends when the server does: without losing a request.

HTTP/1.1 has one way for a server to say that a connection ends here: `connection: close` in an
answer (RFC 9112 §9.6). A connection that is closed without it may just be carrying the next
request, which its client must not send again if it is a POST (RFC 9110 §9.2.2). So an idle
connection is closed only when nothing came over it for a while: a client that was about to use it
has used it, and got its answer with `connection: close`.
"""

import asyncio
import fcntl
import struct
import termios
from typing import TYPE_CHECKING, Final, cast

from uvicorn.server import ServerState

if TYPE_CHECKING:
    from llmproxy.infra.server.protocol import GatewayProtocol

LINGER_S: Final = 2.0


class DrainingState(ServerState):
    """What the connections of one server share. While it drains each answer is the last."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False

    @property
    def ours(self) -> tuple["GatewayProtocol", ...]:
        """All connections; uvicorn cannot know of which protocol they are."""
        return tuple(cast("set[GatewayProtocol]", self.connections))


def is_draining(state: ServerState) -> bool:
    """Whether a new connection is to end with its first answer."""
    return isinstance(state, DrainingState) and state.draining


def drain(state: DrainingState) -> None:
    """From now on every answer, of old connections and of new ones, is the last of its own."""
    state.draining = True
    for connection in state.ours:
        connection.draining = True


def let_go(connection: "GatewayProtocol", quiet_s: float) -> None:
    """Close a connection that has been idle for this long, and over which nothing arrives."""
    if connection.transport.is_closing() or connection.lingering or connection.in_head:
        return
    since = connection.silent_since
    if since == 0.0 or connection.loop.time() - since < quiet_s:
        return
    if not _unread_bytes(connection.transport):
        connection.transport.close()


def break_off(connection: "GatewayProtocol") -> None:
    """End what goes on: answers are broken off, sessions are closed."""
    connection.waiting.clear()
    cycle = connection.answering
    if cycle is None:
        connection.transport.close()
    else:
        cycle.break_off()


def linger(connection: "GatewayProtocol") -> None:
    """Say that nothing more comes, and leave a client that still sends the time to read that."""
    transport = connection.transport
    if transport.can_write_eof():
        transport.write_eof()
    connection.loop.call_later(LINGER_S, transport.close)


def _unread_bytes(transport: asyncio.BaseTransport) -> int:
    """Return how much the kernel has received that the loop has not read yet."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return 0
    told = fcntl.ioctl(connection.fileno(), termios.FIONREAD, struct.pack("i", 0))
    unread: int = struct.unpack("i", told)[0]
    return unread
