"""Opening connections to hosts that are not as they should be."""

import asyncio
import errno
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    Cut,
    OutOfConnections,
    Silent,
    TransportError,
    Unresolved,
    Wait,
)
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.resolving import Resolver
from llmproxy.infra.providers.transport.target import Patience, target

PATIENCE = Patience(0.5, 2.0, 2.0, None)
EARLY_S, SLACK_S = 0.002, 3.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def _client(most: int = 10, addresses: tuple[str, ...] = ()) -> AsyncIterator[HttpClient]:
    look_up = (lambda _: addresses) if addresses else None
    client = HttpClient(max_connections=most, proxies=Proxies({}), look_up=look_up)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def _answering(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that answers every request, and the port it is at."""

    ended: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()
            ended.append(asyncio.ensure_future(writer.wait_closed()))

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0.05)
    await asyncio.gather(*ended, return_exceptions=True)


@contextmanager
def _full(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue of connections is full: the next one hears nothing."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def _fails(client: HttpClient, url: str, patience: Patience = PATIENCE) -> TransportError:
    with pytest.raises(TransportError) as failed:
        await client.fetch(target(url, {}), b"", patience)
    return failed.value


@pytest.mark.asyncio
@pytest.mark.parametrize("client_s", [None, 0.3])
async def test_a_host_that_does_not_answer(client_s: float | None) -> None:
    """Connecting has its own limit, and the error says whose it was."""
    patience = PATIENCE if client_s is None else PATIENCE.within(client_s, whole=True)
    with _full() as port:
        async with _client() as client:
            began = time.monotonic()
            error = await _fails(client, f"http://127.0.0.1:{port}", patience)

    limit_s = client_s or PATIENCE.connect_s
    assert limit_s - EARLY_S <= time.monotonic() - began < limit_s + SLACK_S
    assert isinstance(error, Silent)
    assert (error.what, error.by_client) == (Wait.CONNECT, client_s is not None)


@pytest.mark.asyncio
async def test_connecting_counts_towards_the_first_token() -> None:
    """The limit of the client is for both together."""
    patience = PATIENCE.within(0.3, whole=True)
    async with _answering() as port, _client() as client:
        exchange, _ = await client.fetch(target(f"http://127.0.0.1:{port}", {}), b"", patience)

    assert exchange.ends_at - exchange.began_at == pytest.approx(0.3)


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "no-such-name.invalid"])
async def test_names_that_lead_nowhere(host: str) -> None:
    """What nobody knows, and what cannot be a name."""
    patience = PATIENCE._replace(connect_s=30.0)
    async with _client() as client:
        error = await _fails(client, f"http://{host}:80", patience)

        assert isinstance(error, Unresolved)
        assert host in str(error)
        assert not any(client.sizes().values())


@pytest.mark.asyncio
async def test_the_name_of_this_machine() -> None:
    """A name is looked up, and of its addresses one that answers is taken."""
    found = await Resolver(asyncio.get_running_loop().time).addresses("localhost")
    assert set(found) <= {"127.0.0.1", "::1"}
    async with _answering() as port, _client() as client:
        _, body = await client.fetch(target(f"http://localhost:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
async def test_the_next_address() -> None:
    """Where the first address refuses, the next one is asked."""
    async with _answering() as port, _client(addresses=("127.0.0.2", "127.0.0.1")) as client:
        _, body = await client.fetch(target(f"http://two.example:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
async def test_an_address_that_is_silent() -> None:
    """It takes its share of the time, and leaves the rest to the next."""
    addresses = ("127.0.0.2", "127.0.0.1")
    patience = PATIENCE._replace(connect_s=1.0)
    async with _answering() as port, _client(addresses=addresses) as client:
        with _full("127.0.0.2", port):
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
    async with _client() as client:
        error = await _fails(client, f"http://127.0.0.1:{port}")

    assert type(error) is ConnectFailed


@pytest.mark.asyncio
async def test_the_limit_of_connections() -> None:
    """A kept connection gives way to another host; when none is left, nobody waits for one."""
    async with _answering() as first, _answering() as second, _client(1) as client:
        for port in (first, second, first):
            await client.fetch(target(f"http://127.0.0.1:{port}", {}), b"", PATIENCE)
            assert client.sizes()["open"] == 1
        busy = await client.open(target(f"http://127.0.0.1:{first}", {}), b"", PATIENCE)
        error = await _fails(client, f"http://127.0.0.1:{second}")
        busy.close()

    assert isinstance(error, OutOfConnections)


def _take_all(taken: list[int]) -> None:
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise


@contextmanager
def _no_file_left() -> Iterator[None]:
    """While the block runs this process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken: list[int] = []
    try:
        _take_all(taken)
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_file_descriptor_left(scheme: str) -> None:
    """It is the gateway's own want, and it is over as soon as there is one again."""
    async with _answering() as port, _client() as client:
        with _no_file_left():
            error = await _fails(client, f"{scheme}://127.0.0.1:{port}")
        assert isinstance(error, OutOfConnections)
        assert client.sizes()["open"] == 0
        _, body = await client.fetch(target(f"http://127.0.0.1:{port}", {}), b"", PATIENCE)

    assert body == b"{}"


@pytest.mark.asyncio
async def test_a_kept_connection_that_ends_late() -> None:
    """Who closes one long after the request may have worked on it: it is not sent again."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked > 1:
                await asyncio.sleep(5.2)
                writer.close()
                return
            writer.write(ANSWER)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, _client() as client:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        patient = Patience(1.0, 30.0, 30.0, None)
        await client.fetch(target(url, {}), b"", patient)
        error = await _fails(client, url, patient)

    assert isinstance(error, Cut)
    assert asked == 2
