"""The client of Redis against a real one: bunches, deadlines, what it does while Redis is away."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmproxy.domain.secret import Secret
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisAway, RedisFull, RedisRefused
from llmproxy.infra.redis.script import Script
from tests.redis_server import RedisServer, running

pytestmark = pytest.mark.asyncio

ECHO = Script("return ARGV[1]")


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "redis") as server:
        yield server


@asynccontextmanager
async def connected(
    url: str, *, timeout_s: float = 1.0, max_waiting: int = 10_000
) -> AsyncIterator[RedisClient]:
    """A client that is up."""
    client = RedisClient(read_address(Secret(url)), timeout_s=timeout_s, max_waiting=max_waiting)
    client.load(ECHO)
    client.start()
    try:
        assert await client.wait_up(5)
        yield client
    finally:
        await client.close()


async def test_replies_come_to_whoever_asked(server: RedisServer) -> None:
    """Many commands at once, of all kinds of reply, each with its own."""
    async with connected(server.url) as client:
        replies = await asyncio.gather(
            *[client.run(ECHO, b"k", (str(i),)) for i in range(500)],
            client.call("GET", "nothing"),
            client.call("SET", "a", 1),
            client.call("INCRBY", "a", 41),
            client.call("MGET", "a", "nothing"),
        )
    assert replies == [*[b"%d" % i for i in range(500)], None, b"OK", 42, [b"42", None]]


async def test_an_error_is_that_commands_alone(server: RedisServer) -> None:
    """A command that Redis refuses fails; those around it do not."""
    async with connected(server.url) as client:
        first, wrong, last = (client.call("PING"), client.call("NOPE"), client.call("PING"))
        with pytest.raises(RedisRefused, match="unknown command"):
            await wrong
        assert await first == await last == b"PONG"


async def test_scripts_that_redis_forgot(server: RedisServer) -> None:
    """A script is sent whole when Redis does not know it any more."""
    async with connected(server.url) as client:
        server.command("SCRIPT", "FLUSH")
        assert await client.run(ECHO, b"k", (b"again",)) == b"again"
        assert await client.run(ECHO, b"k", (b"known",)) == b"known"


async def test_unix_socket_and_database(server: RedisServer) -> None:
    """A socket in the file system works as well, and another database is another one."""
    async with connected(f"unix://{server.socket}?db=5") as client:
        await client.call("SET", "where", "five")
    assert server.command("-n", "5", "GET", "where") == "five"
    assert server.command("-n", "0", "GET", "where") == ""


async def test_frozen(server: RedisServer) -> None:
    """A Redis that hangs fails what waits after 50 ms, and everything after that at once."""
    async with connected(server.url, timeout_s=0.05) as client:
        await client.call("PING")
        server.freeze()
        began = time.perf_counter()
        with pytest.raises(RedisAway):
            await client.call("PING")
        first_s = time.perf_counter() - began
        began = time.perf_counter()
        with pytest.raises(RedisAway):
            await client.call("PING")
        next_s = time.perf_counter() - began
        await asyncio.sleep(0.7)
        assert client.counts()["up"] == 0
        server.thaw()
        assert await client.wait_up(3)
        assert await client.call("PING") == b"PONG"
    assert 0.049 < first_s < 0.25
    assert next_s < 0.02


async def test_slow_for_a_moment(server: RedisServer) -> None:
    """A short hang costs no connection: what is answered late goes to the orphan."""
    late: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    async with connected(server.url, timeout_s=0.05) as client:
        server.freeze()
        with pytest.raises(RedisAway):
            await client.run(ECHO, b"k", (b"late",), orphan=late.set_result)
        server.thaw()
        async with asyncio.timeout(2):
            assert await late == b"late"
        assert await client.call("PING") == b"PONG"
        assert client.counts()["connections"] == 1


async def test_killed_and_back(server: RedisServer) -> None:
    """Without Redis commands fail at once; about a second after it is back they work."""
    async with connected(server.url) as client:
        server.kill()
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        with pytest.raises(RedisAway):
            client.call("PING")
        assert time.perf_counter() - began < 0.02
        server.start()
        began = time.perf_counter()
        assert await client.wait_up(5)
        assert time.perf_counter() - began < 2
        assert await client.run(ECHO, b"k", (b"x",)) == b"x"


async def test_cancelled(server: RedisServer) -> None:
    """Whoever leaves does not disturb the order; the orphan gets the reply."""
    late: list[object] = []
    async with connected(server.url) as client:
        gone = client.run(ECHO, b"k", (b"gone",), orphan=late.append)
        kept = client.run(ECHO, b"k", (b"kept",))
        gone.cancel()
        assert await kept == b"kept"
    assert late == [b"gone"]


async def test_bounded(server: RedisServer) -> None:
    """No more commands wait than are allowed to."""
    async with connected(server.url, max_waiting=3) as client:
        waiting = [client.call("PING") for _ in range(3)]
        with pytest.raises(RedisFull):
            client.call("PING")
        await asyncio.gather(*waiting)
        assert await client.call("PING") == b"PONG"


async def test_passwords(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The right account is let in; a wrong one is said to be wrong, and no password is printed."""
    caplog.set_level(logging.DEBUG)
    account = ("--user", "gateway", "on", ">s3cret", "~*", "+@all", "--requirepass", "other")
    with running(tmp_path / "redis", settings=account) as server:
        host = f"127.0.0.1:{server.port}"
        async with connected(f"redis://gateway:s3cret@{host}/1") as client:
            assert await client.call("PING") == b"PONG"
        wrong = RedisClient(read_address(Secret(f"redis://gateway:hunter2@{host}")))
        wrong.start()
        assert not await wrong.wait_up(0.3)
        await wrong.close()
    assert "WRONGPASS" in caplog.text
    assert "hunter2" not in caplog.text
    assert "s3cret" not in caplog.text


async def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over rediss:// the certificate counts: one that is not trusted is no Redis."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    making = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await making.wait() == 0
    with running(tmp_path / "probe") as probe:
        tls_port = probe.port
    settings = ("--tls-port", str(tls_port), "--tls-cert-file", str(certificate))
    settings += ("--tls-key-file", str(key), "--tls-auth-clients", "no")
    settings += ("--tls-ca-cert-file", str(certificate))
    with running(tmp_path / "redis", settings=settings):
        url = f"rediss://127.0.0.1:{tls_port}"
        stranger = RedisClient(read_address(Secret(url)))
        stranger.start()
        assert not await stranger.wait_up(0.5)
        await stranger.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ssl.get_default_verify_paths().cafile == str(certificate)
        async with connected(url) as client:
            assert await client.call("PING") == b"PONG"
