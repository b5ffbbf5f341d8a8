"""Requests to a running gateway, over sockets: connections, pages, bounds, silence."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from llmproxy.domain.errors import Unauthenticated, Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.remote.address import address
from llmproxy.infra.remote.exchange import Exchange, path_of

KEY = "sk-llmproxy-of-an-administrator"
Answer = Callable[["Handler"], tuple[int, dict[str, str], bytes]]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says, and remembers what was asked."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing."""

    def answer(self) -> None:
        """Read the request, and answer it."""
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.server.peers.add(self.client_address)
        if self.server.hang_up:
            self.server.hang_up = False
            self.close_connection = True
            return
        status, headers, data = self.server.say(self)
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815 - http.server's names


class Server(ThreadingHTTPServer):
    """A gateway of the test's own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.peers: set[Any] = set()
        self.hang_up = False
        self.say: Answer = lambda _: (200, {"etag": '"1"'}, b'{"a": 1}')

    def exchange(self, *, timeout_s: float = 5.0) -> Exchange:
        """Give what asks it."""
        return Exchange(
            address(f"http://127.0.0.1:{self.server_address[1]}"), Secret(KEY), timeout_s=timeout_s
        )


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.asyncio
async def test_a_request(server: Server) -> None:
    """The key, the body, what must match; one connection for all."""
    exchange = server.exchange()
    reply = await exchange.ask("PATCH", path_of("models", "a b/c"), body={"x": 1}, etag='"1"')
    await exchange.ask("GET", "/admin/keys")
    await exchange.close()

    method, path, headers, body = server.asked[0]
    assert (method, path, json.loads(body)) == ("PATCH", "/admin/models/a%20b%2Fc", {"x": 1})
    named = {name.lower(): value for name, value in headers.items()}
    assert named["authorization"] == f"Bearer {KEY}"
    assert named["if-match"] == '"1"'
    assert (reply.values, reply.etag) == ({"a": 1}, '"1"')
    assert len(server.peers) == 1


@pytest.mark.asyncio
async def test_pages(server: Server) -> None:
    """All of them, each from behind the last."""

    def say(handler: Handler) -> tuple[int, dict[str, str], bytes]:
        last = "after=b" in handler.path
        rows = [{"id": "c"}] if last else [{"id": "a"}, {"id": "b"}]
        page = {"data": rows, "has_more": not last, "last_id": rows[-1]["id"]}
        return 200, {}, json.dumps(page).encode()

    server.say = say
    exchange = server.exchange()
    found = [row["id"] async for row in exchange.pages("/admin/models", {"provider": "A&B"})]
    await exchange.close()

    assert found == ["a", "b", "c"]
    assert server.asked[0][1] == "/admin/models?provider=A%26B&limit=1000"


@pytest.mark.asyncio
async def test_a_kept_connection_that_was_closed(server: Server) -> None:
    """Reading is tried once more; a change is not, since nobody knows whether it was made."""
    exchange = server.exchange()
    await exchange.ask("GET", "/admin/keys")
    server.hang_up = True
    assert (await exchange.ask("GET", "/admin/keys")).values == {"a": 1}
    server.hang_up = True
    with pytest.raises(Unavailable, match="cannot be asked"):
        await exchange.ask("POST", "/admin/keys", body={})
    await exchange.close()

    assert len([each for each in server.asked if each[0] == "POST"]) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error": {"message": "no", "code": "invalid_api_key"}}', Unauthenticated),
        (302, b"", Unavailable),
        (200, b"[1]", Unavailable),
        (200, b"nonsense", Unavailable),
    ],
)
async def test_other_answers(
    server: Server, status: int, body: bytes, error: type[Exception]
) -> None:
    """A refusal is the gateway's; a redirect is not followed, and other things are no answer."""
    server.say = lambda _: (status, {"location": "http://127.0.0.1:9/"}, body)
    exchange = server.exchange()
    with pytest.raises(error) as caught:
        await exchange.ask("GET", "/admin/keys")
    await exchange.close()
    assert KEY not in f"{caught.value!r} {caught.value}"


@pytest.mark.asyncio
async def test_silence_and_nobody(server: Server) -> None:
    """Both are Unavailable, in bounded time."""
    released = threading.Event()

    def say(_: Handler) -> tuple[int, dict[str, str], bytes]:
        released.wait(5)
        return 200, {}, b"{}"

    server.say = say
    silent = server.exchange(timeout_s=0.2)
    async with asyncio.timeout(3):
        with pytest.raises(Unavailable, match="timed out"):
            await silent.ask("GET", "/admin/keys")
    released.set()
    await silent.close()
    nobody = Exchange(address("http://127.0.0.1:9"), Secret(KEY), timeout_s=1.0)
    with pytest.raises(Unavailable, match="cannot be asked"):
        await nobody.ask("GET", "/admin/keys")
