"""How connections end with their server: the last moment of each of them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.lifespan.off import LifespanOff

from llmproxy.application.life import Life
from llmproxy.infra.server.draining import DrainingServer, Ending
from llmproxy.infra.server.leaving import drain, let_go
from llmproxy.infra.server.protocol import GatewayProtocol
from tests.contract.test_server_protocol import GET, PATIENCE_S, hello

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[DrainingServer, socket.socket]]:
    """A server without signals, and a client that is connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        config = uvicorn.Config(hello, http=GatewayProtocol, lifespan="off", log_config=None)
        server = DrainingServer(config, Life(), Ending(0.0, 1.0))
        config.lifespan_class = LifespanOff
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        client.setblocking(False)  # noqa: FBT003 - its name says it
        await asyncio.get_running_loop().sock_connect(client, listener.getsockname())
        async with asyncio.timeout(PATIENCE_S):
            while not server.server_state.connections:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)
        try:
            yield server, client
        finally:
            await server.shutdown(sockets=[listener])


async def answer(client: socket.socket) -> bytes:
    """All that comes, to the end of the connection."""
    whole = b""
    async with asyncio.timeout(PATIENCE_S):
        while data := await asyncio.get_running_loop().sock_recv(client, 65_536):
            whole += data
    return whole


async def test_a_request_that_has_just_arrived() -> None:
    """What the kernel holds and nobody has read yet is served: the connection is not idle."""
    async with serving() as (server, client):
        state = server.server_state
        drain(state)
        (connection,) = state.ours
        assert client.send(GET) == len(GET)
        let_go(connection, 0.0)
        assert not connection.transport.is_closing()
        whole = await answer(client)
        assert whole.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in whole


async def test_an_idle_connection() -> None:
    """It is closed without a word, when it has been silent for so long."""
    async with serving() as (server, client):
        (connection,) = server.server_state.ours
        let_go(connection, 60.0)
        assert not connection.transport.is_closing()
        let_go(connection, 0.0)
        assert await answer(client) == b""


async def test_a_connection_that_was_made_before_and_handed_over_behind_the_signal() -> None:
    """Whenever the loop tells of it: its answer is the last."""
    async with serving() as (server, client):
        drain(server.server_state)
        with socket.socket() as other:
            other.connect(client.getpeername())
            other.setblocking(False)  # noqa: FBT003 - its name says it
            other.send(GET)
            assert b"connection: close\r\n" in await answer(other)
        client.send(GET)
        assert b"connection: close\r\n" in await answer(client)
