"""Large answers and limits share a Redis, and neither waits for the other."""

import asyncio
from dataclasses import replace

import pytest

from llmproxy.application.interfaces.response_cache import Form, Kept, Shape
from llmproxy.infra.cache.bulk import MOST_BYTES, SMALL_BYTES, Bulk, patience_s
from llmproxy.infra.cache.redis import APART, RedisCache, packed
from llmproxy.infra.redis.client import TIMEOUT_S, RedisClient
from llmproxy.infra.redis.errors import RedisAway
from llmproxy.infra.redis.script import Script
from tests.fakes.clock import FakeClock
from tests.fakes.redis_link import GBIT, LinkedRedis, connected, linked
from tests.keeping import keep

RESERVE = Script("return {'held'}")
MIB = 1024 * 1024
LARGE, SMALL = b"x" * MIB, b"x" * (SMALL_BYTES // 2)
KEY = b"k" * 32
KEYS = [bytes([number]) * 32 for number in range(30)]
SOON_S = 0.002
"""The limiter's own few bytes, and what may be on the link right before them."""


class _World:
    """A worker's connections: that of limits, and that of large answers."""

    def __init__(self, redis: LinkedRedis, limits: RedisClient, bulk: RedisClient) -> None:
        self.redis = redis
        self.limits, self.bulk = limits, bulk
        self.clock = FakeClock()
        self.cache = RedisCache(limits, b"a:", self.clock, Bulk(bulk))

    def kept(self, body: bytes) -> Kept:
        """Return an answer of now."""
        now = self.clock.now()
        return Kept(Shape(Form.WHOLE), (), body, "m", now, now + 60.0)

    async def reserved_in(self) -> float:
        """Return how many seconds a call waits for its limits. Raises RedisAway."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await self.limits.run(RESERVE, b"{a}", ()) == [b"held"]
        return loop.time() - began


async def _world(redis: LinkedRedis) -> _World:
    return _World(redis, await connected(TIMEOUT_S), await connected(patience_s(MIB)))


def test_limits_wait_for_no_large_answer() -> None:
    """Thirty of them on their way to Redis, then thirty back: a quarter of a second each time."""

    async def both_ways(redis: LinkedRedis) -> None:
        world = await _world(redis)
        kept = world.kept(LARGE)
        keeping = [world.cache.put(key, kept) for key in KEYS]
        assert await world.reserved_in() < SOON_S
        began = asyncio.get_running_loop().time()
        await asyncio.wait([each for each in keeping if each is not None])
        assert 0.2 < asyncio.get_running_loop().time() - began < 0.3
        assert world.cache.failures == 0

        looks = asyncio.gather(*(world.cache.get(key) for key in KEYS))
        slowest = 0.0
        while not looks.done():
            slowest = max(slowest, await world.reserved_in())
        assert await looks == [kept] * len(KEYS)
        assert slowest < SOON_S
        assert world.limits.up

    linked(both_ways)


def test_over_one_connection() -> None:
    """What is kept from happening: a call waits for all that is kept, or is told of no Redis."""

    async def one_connection(redis: LinkedRedis) -> None:
        limits = await connected(TIMEOUT_S)
        world = _World(redis, limits, limits)
        for key in KEYS:
            world.cache.put(key, world.kept(LARGE))
        assert await world.reserved_in() > 0.2
        await asyncio.gather(*(world.cache.get(key) for key in KEYS), world.reserved_in())
        redis.up.bytes_per_s = GBIT // 10
        world.cache.put(KEY, world.kept(LARGE))
        with pytest.raises(RedisAway):
            await world.reserved_in()
        assert not limits.up

    linked(one_connection)


def test_a_slow_network() -> None:
    """At 100 Mbit/s an answer takes longer than limits wait for Redis: it is kept all the same."""

    async def slow(redis: LinkedRedis) -> None:
        world = await _world(redis)
        redis.up.bytes_per_s = redis.down.bytes_per_s = GBIT // 10
        kept = world.kept(LARGE)
        keeping = world.cache.put(KEY, kept)
        assert keeping is not None
        assert await world.reserved_in() < 2 * SOON_S
        await asyncio.wait([keeping])
        assert await world.cache.get(KEY) == kept
        assert world.limits.up

    linked(slow)


def test_small_answers_take_the_connection_that_is_there() -> None:
    """They go with the next question, and need no second one."""

    async def small(redis: LinkedRedis) -> None:
        world = await _world(redis)
        kept = world.kept(SMALL)
        await keep(world.cache, KEY, kept)
        world.bulk._line = None
        assert await world.cache.get(KEY) == kept
        assert list(redis.values) == [b"a:" + KEY.hex().encode()]

    linked(small)


def test_each_takes_the_place_of_the_other() -> None:
    """A newer answer is given, whichever of both is large."""

    async def in_turns(redis: LinkedRedis) -> None:
        world = await _world(redis)
        for body in (LARGE, SMALL, b"y" + LARGE, b"z" + LARGE, b"z"):
            kept = world.kept(body)
            await keep(world.cache, KEY, kept)
            assert await world.cache.get(KEY) == kept
            world.clock.advance(1)
        assert redis.connections == 2

    linked(in_turns)


def test_a_large_answer_that_got_lost() -> None:
    """Then none is found: neither an older one, nor what Redis has let go."""

    async def lost(redis: LinkedRedis) -> None:
        world = await _world(redis)
        name = b"a:" + KEY.hex().encode() + APART
        await keep(world.cache, KEY, world.kept(LARGE))
        world.clock.advance(1)
        redis.lost.add(name)
        await keep(world.cache, KEY, world.kept(b"newer" + LARGE))
        assert await world.cache.get(KEY) is None
        del redis.values[name]
        assert await world.cache.get(KEY) is None
        redis.values[name] = packed(replace(world.kept(LARGE), until=world.clock.now() - 1))
        assert await world.cache.get(KEY) is None
        assert world.cache.failures == 0

    linked(lost)


def test_without_the_second_connection() -> None:
    """A large answer is neither kept nor found, small ones are; nobody sees an error."""

    async def away(redis: LinkedRedis) -> None:
        world = await _world(redis)
        await keep(world.cache, KEY, world.kept(LARGE))
        await world.bulk.close()
        assert await world.cache.get(KEY) is None
        assert world.cache.put(KEY, world.kept(LARGE)) is None
        assert world.cache.failures == 2
        await keep(world.cache, KEY, world.kept(SMALL))
        assert await world.cache.get(KEY) == world.kept(SMALL)

    linked(away)


def test_what_is_on_its_way_is_bounded() -> None:
    """In bytes; when it has arrived there is room again, and one goes alone however large it is."""

    async def bounded(redis: LinkedRedis) -> None:
        world = await _world(redis)
        keeping = [world.cache.put(bytes([n]) * 32, world.kept(LARGE)) for n in range(40)]
        sent = [each for each in keeping if each is not None]
        assert len(sent) == MOST_BYTES // MIB - 1
        assert world.cache.failures == 40 - len(sent)
        await asyncio.wait(sent)
        await keep(world.cache, KEY, world.kept(LARGE))
        assert await world.cache.get(KEY) == world.kept(LARGE)
        largest = Bulk(world.bulk)
        assert await largest.put(b"n", b"x" * (MOST_BYTES + 1), 1000) == b"OK"

    linked(bounded)
