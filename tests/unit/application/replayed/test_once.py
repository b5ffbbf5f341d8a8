"""The same `Idempotency-Key`: one call, its answer again; another request under it is refused."""

import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import Claims, Form, Kept, Shape
from llmproxy.application.use_cases.replayed.once import REPLAY
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Broken, IdempotencyKeyReused
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.cache.memory import MemoryCache
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import CALLER
from tests.unit.application.replayed.house import House, lines_of, read, steps

pytestmark = pytest.mark.asyncio
ONCE = Wish(Shape(Form.WHOLE), Use.NONE, repeat_key=b"order-7", fingerprint=b"body")
STREAMED = replace(ONCE, shape=Shape(Form.EVENTS))


class Held(Claims):
    """Claims that tell which are held."""

    lease_s = 60.0

    def __init__(self) -> None:
        self.keys: list[bytes] = []

    @override
    async def claim(self, key: bytes, fingerprint: bytes) -> None:
        self.keys.append(key)

    @override
    async def renew(self, key: bytes) -> None:
        """None of them ends by itself."""

    @override
    async def release(self, key: bytes) -> None:
        self.keys.remove(key)


class Stuck(MemoryCache):
    """Finds nothing the first time, and takes for ever from then on."""

    asked = 0

    @override
    def at_hand(self, key: bytes) -> None:
        self.asked += 1

    @override
    async def get(self, key: bytes) -> Kept | None:
        self.asked += 1
        if self.asked > 1:
            await asyncio.Event().wait()
        return None


class Slow(MemoryCache):
    """Keeps an answer when a test says so."""

    def __init__(self) -> None:
        super().__init__(FakeClock(), max_bytes=1_000_000)
        self.keeping: list[asyncio.Future[None]] = []

    @override
    def put(self, key: bytes, kept: Kept) -> "asyncio.Future[None]":  # type: ignore[override]
        keeping = asyncio.get_running_loop().create_future()
        self.keeping.append(keeping)
        return keeping


def _replayed(answer: Whole | Live) -> bool:
    lines = lines_of(answer)
    return REPLAY[0] in lines


async def test_the_first_answer_again() -> None:
    """Without any cache being asked for; a row of its own that costs nothing."""
    house = House()
    house.provider.gate.set()
    first, second = await house.answer(ONCE), await house.answer(ONCE)
    assert (_replayed(first), _replayed(second)) == (False, True)
    assert first.reply.body == second.reply.body
    assert len(house.provider.calls) == 1
    assert [outcome for outcome, *_ in house.outcomes()] == ["finished", "cached"]
    assert not any(b"cache-status" in line for line in second.reply.headers)
    house.check_books()


async def test_another_request_is_refused() -> None:
    """Whether the first has been answered, or is still running."""
    house = House()
    other = replace(ONCE, fingerprint=b"other")
    asked = asyncio.create_task(house.answer(ONCE))
    await steps()
    with pytest.raises(IdempotencyKeyReused):
        await house.answer(other)
    house.provider.gate.set()
    await asked
    with pytest.raises(IdempotencyKeyReused):
        await house.answer(other)
    house.check_books()


async def test_while_the_first_is_running() -> None:
    """The repeat waits for the same answer."""
    house = House()
    asked = [asyncio.create_task(house.answer(ONCE)) for _ in range(3)]
    await steps()
    house.provider.gate.set()
    answers = await asyncio.gather(*asked)
    assert sorted(map(_replayed, answers)) == [False, True, True]
    assert len(house.provider.calls) == 1
    house.check_books()


@pytest.mark.parametrize("wish", [ONCE, STREAMED])
async def test_a_claim_is_held_until_the_answer_is_kept(wish: Wish) -> None:
    """Else another worker would find neither; the caller has the answer long before."""
    store, claims = Slow(), Held()
    house = House(store, claims)
    house.provider.gate.set()
    if wish is ONCE:
        await house.answer(wish)
    else:
        house.provider.streams_paced().say(b"content", None)
        assert await read(await house.stream(wish)) == b"content"
    await steps()
    [keeping], [_] = store.keeping, claims.keys
    keeping.set_result(None)
    await steps()
    assert claims.keys == []
    house.check_books()


async def test_a_failure_is_not_kept() -> None:
    """The same key may be tried again."""
    house = House()
    house.provider.gate.set()
    good, house.provider.reply = house.provider.reply, Broken("no")
    with pytest.raises(Broken):
        await house.answer(ONCE)
    house.provider.reply = good
    assert not _replayed(await house.answer(ONCE))
    assert _replayed(await house.answer(ONCE))
    house.check_books()


async def test_keys_and_endpoints_stand_apart() -> None:
    """Another API key, even of the same project, or another endpoint, is another call."""
    house = House(operations=["ChatCompletion", "embeddings"])
    house.provider.gate.set()
    await house.answer(ONCE)
    other = Caller("key_2", CALLER.project, None, admin=False, expires_at=None)
    assert not _replayed(await house.answer(ONCE, caller=other))
    assert not _replayed(await house.answer(ONCE, endpoint=Endpoint.COMPLETIONS))


async def test_streams() -> None:
    """Events so far while the first is running, all of them afterwards."""
    house = House()
    paced = house.provider.streams_paced()
    first, second = await house.stream(STREAMED), await house.stream(STREAMED)
    paced.say(b"content one")
    assert await first.next() == b"content one"
    assert await second.next() == b"content one"
    paced.say(b" two", None)
    assert await read(first) == b" two"
    assert await read(second) == b" two"
    third = await house.stream(STREAMED)
    assert await read(third) == b"content one two"
    assert (_replayed(first), _replayed(second), _replayed(third)) == (False, True, True)
    house.check_books()


async def test_with_the_cache() -> None:
    """A key of its own may be answered from the cache, and a repeat of that from the key."""
    house = House()
    house.provider.gate.set()
    both = replace(ONCE, use=Use.ON, ttl_s=60.0, question=b"what?")
    await house.answer(replace(both, repeat_key=b"order-6"))
    hit = await house.answer(both)
    assert b"x-llmproxy-cache-status: hit" in hit.reply.headers
    again = await house.answer(both)
    assert _replayed(again)
    assert not any(b"cache-status" in line for line in again.reply.headers)
    assert len(house.provider.calls) == 1
    house.check_books()


async def test_its_time_ends() -> None:
    """After it, the key is free again."""
    house = House()
    house.provider.gate.set()
    await house.answer(ONCE)
    house.clock.advance(3601)
    assert not _replayed(await house.answer(replace(ONCE, fingerprint=b"other")))


async def test_when_all_have_left_the_call_is_cancelled() -> None:
    """A repeat then begins anew."""
    house = House()
    asked = [asyncio.create_task(house.answer(ONCE)) for _ in range(2)]
    await steps()
    for each in asked:
        each.cancel()
    await steps()
    assert house.provider.cancelled == 1
    house.provider.gate.set()
    assert not _replayed(await house.answer(ONCE))
    house.check_books()


async def test_who_leaves_behind_a_claim_gives_it_up() -> None:
    """Also while it is still looked whether another worker has answered in the meantime."""
    claims = Held()
    store = Stuck(FakeClock(), max_bytes=1_000_000)
    house = House(store, claims)
    asked = asyncio.create_task(house.answer(ONCE))
    await steps()
    assert (store.asked, len(claims.keys)) == (2, 1)
    asked.cancel()
    await steps()
    assert claims.keys == []
    house.check_books()
