"""Places at which a connection gets stuck before any request can be sent."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stuck:
    """Endpoints: `full` takes no further connection, `mute` takes it but never answers in TLS."""

    full: str
    mute: str


@contextmanager
def stuck() -> Iterator[Stuck]:
    """Listen while the block runs, and accept nobody."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        yield Stuck(
            f"http://127.0.0.1:{full.getsockname()[1]}/v1",
            f"https://127.0.0.1:{mute.getsockname()[1]}/v1",
        )
