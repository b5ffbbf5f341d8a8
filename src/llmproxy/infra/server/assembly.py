"""uvicorn's server as the gateway wants it: its own protocol, bounds, end, and TLS."""

from typing import Any, NamedTuple

import uvicorn

from llmproxy.application.life import Life
from llmproxy.infra.server.draining import DrainingServer, Ending
from llmproxy.infra.server.protocol import GatewayProtocol
from llmproxy.infra.server.tls import ServerTls, TlsServer

KEEP_ALIVE_S = 75
"""Longer than the 60 s after which common load balancers drop an idle connection.

So that they close it, not we.
"""
BACKLOG = 4096


class HeadBounds(NamedTuple):
    """How large a head may be, how many header lines it may have, how long it may take."""

    max_bytes: int
    max_lines: int
    timeout_s: float


def bounded(bounds: HeadBounds) -> type[GatewayProtocol]:
    """Return the protocol with these bounds in the place of its own."""

    class Bounded(GatewayProtocol):
        head_timeout_s = bounds.timeout_s
        max_head_bytes = bounds.max_bytes
        max_header_lines = bounds.max_lines

    return Bounded


def server_for(
    app: Any,  # noqa: ANN401 - ASGI's
    life: Life,
    ending: Ending,
    heads: HeadBounds,
    tls: ServerTls | None,
) -> DrainingServer:
    """Return the server of an application, over TLS where there is any."""
    config = uvicorn.Config(
        app,
        http=bounded(heads),
        ws="none",  # the protocol serves WebSockets itself; uvicorn would import a library for them
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
    )
    if tls is None:
        return DrainingServer(config, life, ending)
    return TlsServer(config, life, ending, tls)
