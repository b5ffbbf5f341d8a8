"""Opening connections to hosts that are not as they should be."""

import asyncio
import socket
import time

import pytest

from llmproxy.infra.providers.openai_wire.endpoints import Site
from llmproxy.infra.providers.openai_wire.realtime import RealtimeWire
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    OutOfConnections,
    Silent,
    Unresolved,
    Untrusted,
    Wait,
)
from llmproxy.infra.providers.transport.resolving import Resolver
from llmproxy.infra.providers.transport.target import target
from tests.contract.hosts import (
    EARLY_S,
    PATIENCE,
    SLACK_S,
    answers,
    connecting,
    fails,
    full,
    listening,
    no_file_left,
)


@pytest.mark.asyncio
@pytest.mark.parametrize("client_s", [None, 0.3])
async def test_a_host_that_does_not_answer(client_s: float | None) -> None:
    """Connecting has its own limit, and the error says whose it was."""
    patience = PATIENCE if client_s is None else PATIENCE.within(client_s, whole=True)
    with full() as port:
        async with connecting() as client:
            began = time.monotonic()
            error = await fails(client, f"http://127.0.0.1:{port}", patience)

    limit_s = client_s or PATIENCE.connect_s
    assert limit_s - EARLY_S <= time.monotonic() - began < limit_s + SLACK_S
    assert isinstance(error, Silent)
    assert (error.what, error.by_client) == (Wait.CONNECT, client_s is not None)


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "no-such-name.invalid"])
async def test_names_that_lead_nowhere(host: str) -> None:
    """What nobody knows, and what cannot be a name."""
    patience = PATIENCE._replace(connect_s=30.0, first_token_s=30.0)
    async with connecting() as client:
        error = await fails(client, f"http://{host}:80", patience)

        assert isinstance(error, Unresolved)
        assert host in str(error)
        assert not any(client.sizes().values())


@pytest.mark.asyncio
async def test_the_name_of_this_machine() -> None:
    """A name is looked up, and of its addresses one that answers is taken."""
    found = await Resolver(asyncio.get_running_loop().time).addresses("localhost")
    assert set(found) <= {"127.0.0.1", "::1"}
    async with listening(answers) as port, connecting() as client:
        _, body = await client.fetch(target(f"http://localhost:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
async def test_the_next_address() -> None:
    """Where the first address refuses, the next one is asked."""
    addresses = ("127.0.0.2", "127.0.0.1")
    async with listening(answers) as port, connecting(look_up=lambda _: addresses) as client:
        _, body = await client.fetch(target(f"http://two.example:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
async def test_an_address_that_is_silent() -> None:
    """It takes its share of the time, and leaves the rest to the next."""
    addresses = ("127.0.0.2", "127.0.0.1")
    patience = PATIENCE._replace(connect_s=1.0)
    async with listening(answers) as port, connecting(look_up=lambda _: addresses) as client:
        with full("127.0.0.2", port):
            began = time.monotonic()
            exchange, body = await client.fetch(
                target(f"http://two.example:{port}", {}), b"", patience
            )

    assert body == b"{}"
    assert exchange.status == 200
    assert time.monotonic() - began >= 0.5 - EARLY_S


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    """A refused connection is neither late nor without a name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with connecting() as client:
        error = await fails(client, f"http://127.0.0.1:{port}")

    assert type(error) is ConnectFailed


@pytest.mark.asyncio
@pytest.mark.parametrize("tunnel", [False, True], ids=["direct", "tunnel"])
async def test_a_host_that_closes_during_the_handshake(*, tunnel: bool) -> None:
    """It speaks no TLS that can be trusted; the error says what happened."""

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if tunnel:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await reader.readexactly(10)

    async with listening(closes) as port:
        proxies = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"} if tunnel else {}
        async with connecting(proxies=proxies) as client:
            error = await fails(client, f"https://127.0.0.1:{port}")

            assert type(error) is Untrusted
            assert "closed during the TLS handshake" in str(error)
            assert not any(client.sizes().values())


@pytest.mark.asyncio
async def test_the_limit_of_connections() -> None:
    """A kept connection gives way to another host; when none is left, nobody waits for one."""
    async with listening(answers) as first, listening(answers) as second, connecting(1) as client:
        for port in (first, second, first):
            await client.fetch(target(f"http://127.0.0.1:{port}", {}), b"", PATIENCE)
            assert client.sizes()["open"] == 1
        busy = await client.open(target(f"http://127.0.0.1:{first}", {}), b"", PATIENCE)
        error = await fails(client, f"http://127.0.0.1:{second}")
        busy.close()

    assert isinstance(error, OutOfConnections)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_file_descriptor_left(scheme: str) -> None:
    """It is the gateway's own want, and it is over as soon as there is one again."""
    async with listening(answers) as port, connecting() as client:
        with no_file_left():
            error = await fails(client, f"{scheme}://127.0.0.1:{port}")
        assert isinstance(error, OutOfConnections)
        assert client.sizes()["open"] == 0
        _, body = await client.fetch(target(f"http://127.0.0.1:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
@pytest.mark.parametrize("switches", [False, True], ids=["http", "websocket"])
async def test_kept_connections_give_way_when_no_file_is_left(*, switches: bool) -> None:
    """Whatever it was that found none: the next one finds some."""
    async with listening(answers) as kept, listening(answers) as port, connecting() as client:
        busy = await client.open(target(f"http://127.0.0.1:{kept}", {}), b"", PATIENCE)
        await client.fetch(target(f"http://127.0.0.1:{kept}", {}), b"", PATIENCE)
        await busy.whole()
        assert client.sizes()["idle"] == 2
        RealtimeWire(client, Site(str, {}, "model"), connect_s=1.0, max_message_bytes=1)
        with no_file_left():
            url = f"http://127.0.0.1:{port}"
            asking = (
                client.switch(url, {}, 1.0)
                if switches
                else client.open(target(url, {}), b"", PATIENCE)
            )
            with pytest.raises(OutOfConnections):
                await asking

        assert client.sizes()["idle"] == 0
