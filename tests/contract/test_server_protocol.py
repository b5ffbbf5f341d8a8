"""The HTTP protocol under uvicorn with applications that misbehave and clients that dawdle."""

import asyncio
import gc
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
import uvicorn

from llmproxy.infra.server.cycle import Cycle
from llmproxy.infra.server.protocol import GatewayProtocol

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
HEADERS = [(b"content-type", b"text/plain")]
PATIENCE_S = 5.0


class Impatient(GatewayProtocol):
    """The same with short limits."""

    head_timeout_s: ClassVar[float] = 0.2
    write_timeout_s: ClassVar[float] = 0.8


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer in one piece."""
    headers = [*HEADERS, (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def serving(app: Application, idle_s: int = 75) -> AsyncIterator[int]:
    """Serve on a free port of this machine while the block runs; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            http=Impatient,
            lifespan="off",
            log_config=None,
            server_header=False,
            timeout_keep_alive=idle_s,
        )
        server = uvicorn.Server(config)
        server.config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        ticking = asyncio.create_task(server.main_loop())
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await ticking
            server.force_exit = True
            await server.shutdown(sockets=[listener])


@asynccontextmanager
async def connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, and close at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def talk(port: int, request: bytes) -> bytes:
    """Send, and read until the server closes."""
    async with asyncio.timeout(PATIENCE_S), connected(port) as (reader, writer):
        writer.write(request)
        return await reader.read()


def error_of(answer: bytes) -> tuple[int, str]:
    """Status and code of an error in OpenAI's envelope."""
    head, _, body = answer.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(head.split()[1]), error["code"]


@pytest.mark.asyncio
@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", GET[:-2]])
async def test_a_head_that_does_not_arrive(begun: bytes) -> None:
    """A head that is not complete in its time is a 408, however its bytes trickle in."""
    async with serving(hello) as port:
        assert error_of(await talk(port, begun)) == (408, "request_timeout")


@pytest.mark.asyncio
async def test_a_head_that_trickles() -> None:
    """The time runs from the first byte: a byte now and then does not extend it."""
    async with serving(hello) as port, connected(port) as (reader, writer):
        answer = asyncio.create_task(reader.read())
        writer.write(GET[:-2] + b"x: ")
        while not answer.done():
            writer.write(b"y")
            await asyncio.sleep(0.05)  # the test's own limit ends a server that waits for ever

        assert error_of(await answer) == (408, "request_timeout")


@pytest.mark.asyncio
async def test_an_idle_connection() -> None:
    """An idle connection is closed without a word after the keep-alive time, and not before."""
    async with serving(hello, idle_s=1) as port, connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(GET)
            answer = await reader.readuntil(b"hello")
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            await asyncio.sleep(0.3)
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""


@pytest.mark.asyncio
async def test_an_answer_longer_than_the_idle_time_behind_another() -> None:
    """The idle time does not run while an answer is under way, also a pipelined one."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1 if scope["path"] == "/" else 2.5)
        await hello(scope, receive, send)

    async with serving(slow, idle_s=1) as port, connected(port) as (reader, writer):
        writer.write(GET + GET.replace(b"/ ", b"/slow ", 1))
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"hello")
            assert await reader.readuntil(b"hello")


@pytest.mark.asyncio
async def test_a_client_that_takes_nothing() -> None:
    """A client that reads nothing is left after a time, and the application is told."""
    ended = asyncio.Event()

    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        try:
            while (await _next(receive)) is None:
                await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        finally:
            ended.set()

    async with serving(endless) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(GET)
            async with asyncio.timeout(PATIENCE_S):
                await ended.wait()


async def _next(receive: Receive) -> str | None:
    """The next message's type if it is there already."""
    task = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if task.done():
        return str(task.result()["type"])
    task.cancel()
    return None


@pytest.mark.asyncio
async def test_an_application_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """A crash before the answer is a 500 in the envelope, and its traceback is logged once."""

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with serving(broken) as port:
            assert error_of(await talk(port, GET)) == (500, "internal_error")

    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.asyncio
@pytest.mark.parametrize("crashes", [True, False])
async def test_an_application_that_stops_in_mid_answer(
    caplog: pytest.LogCaptureFixture, *, crashes: bool
) -> None:
    """An answer that was begun and not ended is cut: it never looks complete."""

    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if crashes:
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with serving(broken) as port:
            answer = await talk(port, GET)

    assert answer.endswith(b"\r\n\r\n4\r\nhalf\r\n")
    assert len(caplog.records) == 1


@pytest.mark.asyncio
async def test_an_application_that_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An application that returns without an answer is a 500 too."""

    async def mute(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    with caplog.at_level(logging.ERROR):
        async with serving(mute) as port:
            assert error_of(await talk(port, GET)) == (500, "internal_error")

    assert len(caplog.records) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nb"])
async def test_an_application_that_splits_headers(
    caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    """A header value with a line break never reaches the wire."""

    async def splitting(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"x-a", value), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    with caplog.at_level(logging.ERROR):
        async with serving(splitting) as port:
            answer = await talk(port, GET)

    assert b"x-evil" not in answer
    assert len(caplog.records) == 1


@pytest.mark.asyncio
async def test_requests_leave_no_knots_behind() -> None:
    """What a request and its connection used is freed when they end, not by the collector."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        async with serving(hello) as port:
            for _ in range(20):
                async with connected(port) as (reader, writer):
                    for _ in range(3):
                        writer.write(GET)
                        await reader.readuntil(b"hello")
            await asyncio.sleep(0.1)
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, Cycle | GatewayProtocol)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert left == []


@pytest.mark.asyncio
async def test_shutdown_waits_for_the_answer() -> None:
    """A server that is told to stop ends what it is answering, and says that it closes."""
    asked = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.sleep(0.3)
        await hello(scope, receive, send)

    async with serving(slow) as port:
        answer = asyncio.create_task(talk(port, GET))
        await asked.wait()

    assert (await answer).endswith(b"\r\nconnection: close\r\n\r\nhello")
