"""Every place where answers are kept gives them back as they were, until their time is over."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.response_cache import Form, Kept, ResponseCache, Shape
from llmproxy.domain.secret import Secret
from llmproxy.infra.cache.bulk import MOST_BYTES, Bulk
from llmproxy.infra.cache.memory import ENTRY_BYTES, MemoryCache, NoClaims
from llmproxy.infra.cache.redis import MARK, RedisCache, RedisClaims, packed, unpacked
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.telemetry.clock import SystemClock
from tests.fakes.clock import FakeClock
from tests.keeping import keep
from tests.redis_server import RedisServer, running

pytestmark = pytest.mark.asyncio
KEY, OTHER = b"k" * 32, b"o" * 32
PATIENT_S = 0.5
"""A busy machine can keep Redis from its processor for longer than 50 ms."""
Place = tuple[ResponseCache, Callable[[], float]]


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]  # noqa: ANN202
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


async def _client(
    stack: AsyncExitStack, server: RedisServer, timeout_s: float = PATIENT_S
) -> RedisClient:
    client = RedisClient(read_address(Secret(server.url)), timeout_s=timeout_s)
    stack.push_async_callback(client.close)
    client.start()
    assert await client.wait_up(5)
    return client


@pytest_asyncio.fixture(name="place", params=["memory", "redis"])
async def _place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        clock = FakeClock()
        yield MemoryCache(clock, max_bytes=1_000_000), clock.now
        return
    server: RedisServer = request.getfixturevalue("server")
    async with AsyncExitStack() as stack:
        client = await _client(stack, server)
        bulk = Bulk(await _client(stack, server))
        yield RedisCache(client, tmp_path.name.encode() + b":", SystemClock(), bulk), time.time


def _kept(now: float, body: bytes = b'{"a":1}', ttl_s: float = 60.0) -> Kept:
    shape = Shape(Form.EVENTS, b'{"include_usage":true}')
    lines = (b"content-type: text/event-stream", b"x-llmproxy-changed: model")
    return Kept(shape, lines, body, "gpt-mini", now, now + ttl_s, b"f" * 32)


@pytest.mark.parametrize("size", [1, 40_000, 500_000])
async def test_kept_as_it_was(place: Place, size: int) -> None:
    """Every field; nothing under another key."""
    cache, now = place
    kept = _kept(now(), bytes(range(256)) * (size // 256) + b"x")
    await keep(cache, KEY, kept)
    assert await cache.get(KEY) == kept
    assert await cache.get(OTHER) is None
    assert all(value >= 0 for value in cache.figures().values())


async def test_a_look_that_is_begun(place: Place) -> None:
    """It finds what `get` finds, where looking takes a while; one that is given up tells nobody."""
    cache, now = place
    kept = _kept(now())
    await keep(cache, KEY, kept)
    look, other, nobodys = (cache.begin(key) for key in (KEY, OTHER, KEY))
    if look is None or other is None or nobodys is None:
        assert isinstance(cache, MemoryCache)
        return
    nobodys.give_up()
    assert await look == kept
    assert await other is None


async def test_a_newer_answer_takes_its_place(place: Place) -> None:
    """The last one that was kept is given, small or large."""
    cache, now = place
    await keep(cache, KEY, _kept(now(), b"old"))
    for size in (1, 100_000, 200_000, 1):
        newer = _kept(now(), b"n" * size)
        await keep(cache, KEY, newer)
        assert await cache.get(KEY) == newer


async def test_an_answer_whose_time_is_over(place: Place) -> None:
    """It is not there any more."""
    cache, now = place
    await keep(cache, KEY, _kept(now() - 61))
    assert await cache.get(KEY) is None


async def test_memory_is_bounded() -> None:
    """In bytes, with what an entry takes beside its own; the longest unused one goes first."""
    clock = FakeClock()
    kept = _kept(clock.now(), b"x" * 1000)
    cache = MemoryCache(clock, max_bytes=3 * (kept.size + ENTRY_BYTES))
    keys = [bytes([number]) * 32 for number in range(4)]
    for key in keys[:3]:
        await keep(cache, key, kept)
    assert await cache.get(keys[0]) == kept
    await keep(cache, keys[3], kept)
    assert [await cache.get(key) is not None for key in keys] == [True, False, True, True]
    assert cache.figures() == {
        "bytes": 3 * (kept.size + ENTRY_BYTES),
        "entries": 3,
        "evictions": 1,
    }
    await keep(cache, keys[0], replace(kept, body=b"x" * 100_000))
    assert await cache.get(keys[0]) is None, "what does not fit at all takes nobody's place"
    assert cache.figures()["entries"] == 2
    clock.advance(61)
    assert await cache.get(keys[2]) is None
    assert cache.figures()["entries"] == 1


async def test_memory_of_no_bytes_keeps_nothing() -> None:
    """0 turns it off."""
    cache = MemoryCache(FakeClock(), max_bytes=0)
    await keep(cache, KEY, _kept(2e9))
    assert await cache.get(KEY) is None


async def test_redis_lets_go_by_itself(server: RedisServer) -> None:
    """Each value has its time in Redis too."""
    async with AsyncExitStack() as stack:
        client = await _client(stack, server)
        cache = RedisCache(client, b"t:", SystemClock(), Bulk(client))
        await keep(cache, KEY, _kept(time.time(), ttl_s=30))
        await keep(cache, OTHER, _kept(time.time(), b"x" * 100_000, ttl_s=30))
        for name in (KEY.hex(), OTHER.hex(), f"{OTHER.hex()}:apart"):
            assert 25_000 < int(server.command("PTTL", f"t:{name}")) <= 30_000


async def test_values_of_another_version_are_none(server: RedisServer) -> None:
    """Of an older or newer gateway, or of nobody known."""
    async with AsyncExitStack() as stack:
        client = await _client(stack, server)
        cache = RedisCache(client, b"v:", SystemClock(), Bulk(client))
        server.command("SET", f"v:{KEY.hex()}", "what is this")
        assert await cache.get(KEY) is None
    good = packed(_kept(1.0))
    assert unpacked(good) == _kept(1.0)
    assert unpacked(good.replace(b"\x01", b"\x02", 1)) is None
    assert unpacked(MARK.pack(b"\xc1", 1.0)) is None, "an older gateway reads it as no answer"


async def test_redis_away(tmp_path: Path) -> None:
    """Nothing is found and nothing kept, within the deadline, without an error; then it is back."""
    with running(tmp_path / "redis") as server:
        async with AsyncExitStack() as stack:
            client = await _client(stack, server, 0.05)
            cache = RedisCache(client, b"a:", SystemClock(), Bulk(client))
            kept = _kept(time.time())
            server.freeze()
            began = time.monotonic()
            assert await cache.get(KEY) is None
            await keep(cache, KEY, kept)
            assert time.monotonic() - began < PATIENT_S
            assert cache.figures()["store_failures"] == 2
            assert await cache.begin(KEY) is None
            cache.begin(KEY).give_up()
            assert cache.figures()["store_failures"] >= 3
            server.thaw()
            # The connection may be given up at this very moment, and is then opened again.
            async with asyncio.timeout(10):
                while await cache.get(KEY) != kept:
                    await keep(cache, KEY, kept)
                    await asyncio.sleep(0.02)


async def test_figures_of_large_answers(tmp_path: Path) -> None:
    """Bytes on their way, and what found no room beside them, over a connection of its own."""
    with running(tmp_path / "redis") as server:
        async with AsyncExitStack() as stack:
            small = await _client(stack, server)
            bulk = Bulk(await _client(stack, server, 30.0))
            cache = RedisCache(small, b"b:", SystemClock(), bulk)
            kept = _kept(time.time(), b"x" * (MOST_BYTES // 2 - 1000))
            server.freeze()
            setting = [cache.put(bytes([number]) * 32, kept) for number in range(4)]
            assert [each is not None for each in setting] == [True, True, False, False]
            told = bulk.counts()
            assert told["bytes"] == 2 * len(packed(kept))
            assert (told["refused"], told["waiting"], told["commands"]) == (2, 2, 2)
            assert small.counts()["up"] == told["up"] == 1
            server.thaw()
            await asyncio.wait([each for each in setting if each is not None], timeout=30)
            told = bulk.counts()
            assert (told["bytes"], told["refused"], told["waiting"]) == (0, 2, 0)
            assert cache.figures()["store_failures"] >= 2


async def test_one_worker_holds_a_claim(server: RedisServer) -> None:
    """The others learn for what; when it is let go or its lease is over the next one has it."""
    async with AsyncExitStack() as stack:
        one = RedisClaims(await _client(stack, server), b"c:", lease_s=0.4)
        two = RedisClaims(await _client(stack, server), b"c:", lease_s=0.4)
        assert await one.claim(KEY, b"body") is None
        assert await two.claim(KEY, b"body") == b"body"
        assert await two.claim(OTHER, b"body") is None
        await two.release(KEY)
        assert await two.claim(KEY, b"other") == b"body", "it was not its own to let go"
        await one.release(KEY)
        assert await two.claim(KEY, b"other") is None
        await asyncio.sleep(0.25)
        await two.renew(KEY)
        await asyncio.sleep(0.25)
        assert await one.claim(KEY, b"body") == b"other"
        await asyncio.sleep(0.3)
        assert await one.claim(KEY, b"body") is None
        await two.renew(KEY)
        await two.release(KEY)
        assert await two.claim(KEY, b"other") == b"body", "what was lost is another's now"


async def test_claims_away(tmp_path: Path) -> None:
    """Then everybody may run: a lost answer would be worse than one that is made twice."""
    with running(tmp_path / "redis") as server:
        async with AsyncExitStack() as stack:
            claims = RedisClaims(await _client(stack, server, 0.05), b"c:")
            assert await claims.claim(KEY, b"body") is None
            server.kill()
            assert await claims.claim(KEY, b"body") is None
            await claims.renew(KEY)
            await claims.release(KEY)


async def test_one_worker_needs_no_claims() -> None:
    """What runs here is known here."""
    claims = NoClaims()
    assert await claims.claim(KEY, b"body") is None
    await claims.renew(KEY)
    await claims.release(KEY)
    assert await claims.claim(KEY, b"other") is None
