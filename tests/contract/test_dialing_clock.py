"""One clock for all of a request: looking up, connecting, a second try on a fresh connection."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from llmproxy.infra.providers.transport.client import HttpClient, was_stale
from llmproxy.infra.providers.transport.errors import Cut, Silent, TransportError, Wait
from llmproxy.infra.providers.transport.target import NEVER, Patience, Target, target
from tests.contract.hosts import ANSWER, EARLY_S, connecting, fails, fill, listening

HERE = ("127.0.0.1",)
LOOK_UP_S = 0.6


def _slowly(_: str) -> tuple[str, ...]:
    time.sleep(LOOK_UP_S)
    return HERE


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("patience", "what"),
    [(Patience(5, 1.0, 5, None), Wait.FIRST_TOKEN), (Patience(5, 5, 5, 1.0), Wait.TOTAL)],
)
async def test_connecting_counts(patience: Patience, what: Wait) -> None:
    """What it took is missing from the time for the answer."""
    asked: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()

    async with listening(silent) as port, connecting(look_up=_slowly) as client:
        began = time.monotonic()
        error = await fails(client, f"http://slow.example:{port}", patience)
        took_s = time.monotonic() - began

    assert isinstance(error, Silent)
    assert (error.what, error.limit_s, error.by_client) == (what, 1.0, False)
    assert 1.0 - EARLY_S <= took_s < 1.0 + LOOK_UP_S - EARLY_S
    assert len(asked) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("by_client", [False, True])
@pytest.mark.parametrize(
    ("patience", "what"),
    [
        (Patience(5, 0.1, 5, None), Wait.FIRST_TOKEN),
        (Patience(5, 5, 5, 0.1), Wait.TOTAL),
        (Patience(0.1, 5, 5, 5), Wait.CONNECT),
    ],
)
async def test_no_longer_than_any_of_its_limits(
    patience: Patience, what: Wait, *, by_client: bool
) -> None:
    """The limit that connecting meets first ends it by its own name, and nothing is sent."""
    connected: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        connected.append(await reader.read())

    if by_client:
        patience = patience._replace(of_client=frozenset((what,)))
    async with listening(serve) as port, connecting(look_up=_slowly) as client:
        began = time.monotonic()
        error = await fails(client, f"http://slow.example:{port}", patience)
        took_s = time.monotonic() - began
        await asyncio.sleep(LOOK_UP_S)

    assert isinstance(error, Silent)
    assert (error.what, error.limit_s, error.by_client) == (what, 0.1, by_client)
    assert 0.1 - EARLY_S <= took_s < LOOK_UP_S
    assert connected == []


def test_which_limit_connecting_meets_first() -> None:
    """That of connecting begins with it, the others began with the request."""
    patience = Patience(3.0, 4.0, 1.0, 6.0)

    assert patience.dial_s() == (3.0, Wait.CONNECT)
    assert patience.dial_s(1.0) == (3.0, Wait.CONNECT)
    assert patience.dial_s(2.0) == (2.0, Wait.FIRST_TOKEN)
    assert patience._replace(total_s=3.5).dial_s(2.0) == (1.5, Wait.TOTAL)
    assert patience._replace(connect_s=NEVER, total_s=None).dial_s() == (4.0, Wait.FIRST_TOKEN)


Ask = Callable[[HttpClient, Target, Patience], Awaitable[None]]


async def _whole(client: HttpClient, asked: Target, patience: Patience) -> None:
    await client.fetch(asked, b"", patience)


async def _streamed(client: HttpClient, asked: Target, patience: Patience) -> None:
    exchange = await client.open(asked, b"", patience)
    with pytest.raises(Cut) as cut:
        await exchange.answered()
    assert was_stale(exchange, cut.value)
    again = await client.open(asked, b"", patience, exchange)
    await again.answered()


@pytest.mark.asyncio
@pytest.mark.parametrize("ask", [_whole, _streamed])
@pytest.mark.parametrize(
    ("patience", "what"),
    [(Patience(5, 1.0, 5, None), Wait.FIRST_TOKEN), (Patience(5, 5, 5, 1.0), Wait.TOTAL)],
)
async def test_a_second_try_has_the_clock_of_the_first(
    ask: Ask, patience: Patience, what: Wait
) -> None:
    """A kept connection that ends takes its time away from the fresh one."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked == 1:
                writer.write(ANSWER)
            elif asked == 2:
                await asyncio.sleep(LOOK_UP_S)
                return

    async with listening(serve) as port, connecting() as client:
        there = target(f"http://127.0.0.1:{port}", {})
        await client.fetch(there, b"", patience)
        began = time.monotonic()
        with pytest.raises(TransportError) as failed:
            await ask(client, there, patience)
        took_s = time.monotonic() - began

    error = failed.value
    assert isinstance(error, Silent)
    assert (error.what, error.limit_s) == (what, 1.0)
    assert 1.0 - EARLY_S <= took_s < 1.0 + LOOK_UP_S - EARLY_S
    assert asked == 3


@pytest.mark.asyncio
async def test_a_second_try_connects_for_what_is_left() -> None:
    """Not for as long as if the request had only now begun."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        listener.setblocking(False)  # noqa: FBT003 - that is its only argument
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        patience = Patience(5, 1.0, 5, None)
        async with connecting() as client:
            first = asyncio.ensure_future(client.fetch(target(url, {}), b"", patience))
            kept, _ = await loop.sock_accept(listener)
            with kept:
                await loop.sock_recv(kept, 4096)
                await loop.sock_sendall(kept, ANSWER)
                await first
                fill(stack, listener)
                began = time.monotonic()
                second = asyncio.ensure_future(fails(client, url, patience))
                await loop.sock_recv(kept, 4096)
                await asyncio.sleep(LOOK_UP_S)
            error = await second
            took_s = time.monotonic() - began

    assert isinstance(error, Silent)
    assert (error.what, error.limit_s) == (Wait.FIRST_TOKEN, 1.0)
    assert 1.0 - EARLY_S <= took_s < 1.0 + LOOK_UP_S - EARLY_S


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
                return
            writer.write(ANSWER)

    async with listening(serve) as port, connecting() as client:
        url = f"http://127.0.0.1:{port}/"
        patient = Patience(1.0, 30.0, 30.0, None)
        await client.fetch(target(url, {}), b"", patient)
        error = await fails(client, url, patient)

    assert isinstance(error, Cut)
    assert asked == 2
