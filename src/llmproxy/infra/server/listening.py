"""Ending to listen without losing a connection that the kernel has already agreed to."""

import asyncio
import ctypes
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Final

SETTLED_S: Final = 0.1
"""For handshakes that have begun: longer than a round trip between regions of one continent."""
SO_ATTACH_FILTER: Final = 26
FLAGS: Final = 13
SYN: Final = 0x02
LOAD, JUMP_IF_ANY, RETURN = 0x30, 0x45, 0x06
PROGRAM: Final = b"".join(
    struct.pack("HBBI", *step)
    for step in (
        (LOAD, 0, 0, FLAGS),
        (JUMP_IF_ANY, 0, 1, SYN),
        (RETURN, 0, 0, 0),
        (RETURN, 0, 0, 0xFFFFFFFF),
    )
)
"""Drops segments with SYN (RFC 9293 §3.1), lets all others pass.

Classic BPF as <linux/filter.h> has it: struct sock_filter is code, jt, jf, k. At a TCP socket it
sees a segment from its TCP header on.
"""


async def stop_listening(
    servers: Iterable[asyncio.AbstractServer], listeners: Iterable[socket.socket]
) -> None:
    """Close the listeners when they have handed over every connection that was made.

    Closing a listener resets connections that wait to be accepted, whose clients may have sent a
    request (listen(2) calls them completely established). So no new one begins first: a client
    that is not answered tries again a second later (RFC 6298 §2), and is refused by then, or meets
    whoever listens there next. Where the filter is not known, the gap is the time of one closing.
    """
    listeners = tuple(listeners)
    turned_away = [_turn_away(listener) for listener in listeners]
    if all(turned_away):
        await asyncio.sleep(SETTLED_S)
    for server in servers:
        server.close()
    for listener in listeners:
        listener.close()


def _turn_away(listener: socket.socket) -> bool:
    """Let no new connection begin; return whether that is possible here."""
    if sys.platform != "linux":
        return False
    program = ctypes.create_string_buffer(PROGRAM, len(PROGRAM))
    # struct sock_fprog: the number of steps, and where they are.
    told = struct.pack("HP", len(PROGRAM) // 8, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, told)
    except OSError:
        return False
    return True
