"""The same `Idempotency-Key` at two workers over one Redis: one of them asks the provider."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from llmproxy.application.interfaces.delivery import Whole
from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.use_cases.replayed.once import REPLAY
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.domain.errors import Broken, IdempotencyInProgress, IdempotencyKeyReused
from llmproxy.domain.secret import Secret
from llmproxy.infra.cache.bulk import Bulk
from llmproxy.infra.cache.redis import RedisCache, RedisClaims
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from tests.fakes.clock import FakeClock
from tests.redis_server import RedisServer, running
from tests.unit.application.replayed.house import House, read

pytestmark = pytest.mark.asyncio
ONCE = Wish(Shape(Form.WHOLE), Use.NONE, repeat_key=b"order-7", fingerprint=b"body")
PATIENT_S = 0.5


@asynccontextmanager
async def _worker(server: RedisServer, lease_s: float = 30.0) -> AsyncIterator[House]:
    """A worker with a connection of its own."""
    client = RedisClient(read_address(Secret(server.url)), timeout_s=PATIENT_S)
    client.start()
    try:
        assert await client.wait_up(5)
        claims = RedisClaims(client, b"c:", lease_s=lease_s)
        yield House(RedisCache(client, b"a:", FakeClock(), Bulk(client)), claims)
    finally:
        await client.close()


@asynccontextmanager
async def _two(folder: Path, lease_s: float = 30.0) -> AsyncIterator[tuple[House, House]]:
    with running(folder) as server:
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(_worker(server, lease_s))
            two = await stack.enter_async_context(_worker(server, lease_s))
            yield one, two


def _replayed(whole: Whole) -> bool:
    return REPLAY[0] in whole.reply.headers


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.01)


async def test_the_first_answer_again(tmp_path: Path) -> None:
    """Whichever worker is asked."""
    async with _two(tmp_path) as (one, two):
        one.provider.gate.set()
        first = await one.answer(ONCE)
        second = await two.answer(ONCE)
        assert second.reply.body == first.reply.body
        assert (_replayed(first), _replayed(second)) == (False, True)
        assert two.provider.calls == []
        with pytest.raises(IdempotencyKeyReused):
            await two.answer(replace(ONCE, fingerprint=b"other"))
        one.check_books()
        two.check_books()


async def test_while_it_runs_elsewhere(tmp_path: Path) -> None:
    """The other worker waits for the answer, and refuses another request."""
    async with _two(tmp_path) as (one, two):
        first = asyncio.create_task(one.answer(ONCE))
        await _until(lambda: bool(one.provider.calls))
        waiting = [asyncio.create_task(two.answer(ONCE)) for _ in range(2)]
        await asyncio.sleep(0.1)
        with pytest.raises(IdempotencyKeyReused):
            await two.answer(replace(ONCE, fingerprint=b"other"))
        one.provider.gate.set()
        answers = await asyncio.gather(first, *waiting)
        assert [_replayed(each) for each in answers] == [False, True, True]
        assert two.provider.calls == []
        two.check_books()


async def test_streams(tmp_path: Path) -> None:
    """The other worker gives the events once they are complete."""
    async with _two(tmp_path) as (one, two):
        wish = replace(ONCE, shape=Shape(Form.EVENTS))
        paced = one.provider.streams_paced()
        first = await one.stream(wish)
        paced.say(b"content one")
        assert await first.next() == b"content one"
        second = await two.stream(wish)
        waiting = asyncio.create_task(read(second))
        await asyncio.sleep(0.1)
        paced.say(b" two", None)
        await read(first)
        assert await waiting == b"content one two"
        assert REPLAY[0] in second.headers
        two.check_books()


async def test_a_failure_lets_the_other_try(tmp_path: Path) -> None:
    """What failed is not kept, and the claim is given up with it."""
    async with _two(tmp_path) as (one, two):
        one.provider.reply = Broken("no")
        first = asyncio.create_task(one.answer(ONCE))
        await _until(lambda: bool(one.provider.calls))
        waiting = asyncio.create_task(two.answer(ONCE))
        await asyncio.sleep(0.1)
        two.provider.gate.set()
        one.provider.gate.set()
        with pytest.raises(Broken):
            await first
        assert not _replayed(await waiting)


async def test_a_dead_workers_claim_ends(tmp_path: Path) -> None:
    """A worker that no longer renews it holds nobody up for longer than its lease."""
    async with _two(tmp_path, lease_s=0.4) as (one, two):
        assert await one.claims.claim(_key(two), b"body") is None  # and dies
        two.provider.gate.set()
        assert not _replayed(await two.answer(ONCE))


async def test_a_living_workers_claim_does_not(tmp_path: Path) -> None:
    """It is renewed for as long as the call takes."""
    async with _two(tmp_path, lease_s=0.3) as (one, two):
        first = asyncio.create_task(one.answer(ONCE))
        await _until(lambda: bool(one.provider.calls))
        waiting = asyncio.create_task(two.answer(ONCE))
        await asyncio.sleep(1.0)
        assert two.provider.calls == []
        one.provider.gate.set()
        await first
        assert _replayed(await waiting)


async def test_who_cannot_wait_that_long(tmp_path: Path) -> None:
    """Is told to ask again: a 409 that SDKs retry."""
    async with _two(tmp_path) as (one, two):
        first = asyncio.create_task(one.answer(ONCE))
        await _until(lambda: bool(one.provider.calls))
        with pytest.raises(IdempotencyInProgress) as caught:
            await two.answer(ONCE, silence_s=0.01)
        assert caught.value.retry_after_s == 1.0
        one.provider.gate.set()
        await first


def _key(house: House) -> bytes:
    asked = house.repeats._asked(house.call(), ONCE, b"order-7")
    return asked.key
