"""Hosts that a client connects to: well ones, silent ones, and a machine that has run out."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.errors import TransportError
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.resolving import LookUp
from llmproxy.infra.providers.transport.target import Patience, target

PATIENCE = Patience(0.5, 2.0, 2.0, None)
EARLY_S, SLACK_S = 0.002, 3.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connecting(
    most: int = 10, look_up: LookUp | None = None, proxies: Mapping[str, str] | None = None
) -> AsyncIterator[HttpClient]:
    """A client, closed at the end."""
    client = HttpClient(max_connections=most, proxies=Proxies(proxies or {}), look_up=look_up)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def listening(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A port where each connection is served so, and closed then."""
    ended: list[asyncio.Future[None]] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()
            ended.append(asyncio.ensure_future(writer.wait_closed()))

    server = await asyncio.start_server(served, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0.05)
    await asyncio.gather(*ended, return_exceptions=True)


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(ANSWER)


@contextmanager
def full(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue of connections is full: the next one hears nothing."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, port), backlog=0))
        fill(stack, listener)
        yield listener.getsockname()[1]


def fill(stack: ExitStack, listener: socket.socket) -> None:
    """Fill the queue of a listener that was made with a backlog of 0."""
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.settimeout(0)
        waiting.connect_ex(listener.getsockname())


async def fails(client: HttpClient, url: str, patience: Patience = PATIENCE) -> TransportError:
    """Ask, and return what came of it."""
    with pytest.raises(TransportError) as failed:
        await client.fetch(target(url, {}), b"", patience)
    return failed.value


def _take_all(taken: list[int]) -> None:
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise


@contextmanager
def no_file_left() -> Iterator[None]:
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
