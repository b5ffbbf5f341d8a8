"""What workers tell one another of deployments, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from llmproxy.application.routing.ward import Change, State
from llmproxy.domain.secret import Secret
from llmproxy.infra.fleet.redis import FORGET_S, MAX_WAITING, RedisSharing
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.redis.errors import RedisAway
from tests.redis_server import RedisServer, running

pytestmark = pytest.mark.asyncio
NOW = 1_764_000_000.0


class Worker:
    """One that shares, at its own time."""

    def __init__(self, client: RedisClient) -> None:
        self.client = client
        self.now = NOW
        self.heard: list[Change] = []
        self.sharing = RedisSharing(client, "test", self.heard.append, lambda: self.now)


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "redis") as server:
        yield server


@pytest_asyncio.fixture(name="workers")
async def _workers(server: RedisServer) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(3):
            client = RedisClient(read_address(Secret(server.url)), timeout_s=1.0)
            client.start()
            stack.push_async_callback(client.close)
            assert await client.wait_up(5)
            made.append(Worker(client))
        yield made


OPEN = Change("gpt-1", State.OPEN, NOW + 5.0)


async def test_all_others_hear_it_once(workers: list[Worker]) -> None:
    """Whoever told it does not; who comes later hears it too."""
    first, second, late = workers
    first.sharing.tell(OPEN)
    for _ in range(3):
        await first.sharing.exchange()
        await second.sharing.exchange()
    assert (first.heard, second.heard) == ([], [OPEN])
    await late.sharing.exchange()
    assert late.heard == [OPEN]


async def test_the_last_word_holds(workers: list[Worker]) -> None:
    """Of one deployment only the newest state is told; another deployment's stays."""
    first, second, _ = workers
    other = Change("modèle ünd", State.RESTING, NOW + 60.0)
    first.sharing.tell(OPEN)
    first.sharing.tell(other)
    first.sharing.tell(Change("gpt-1", State.CLOSED, 0.0))
    await first.sharing.exchange()
    await second.sharing.exchange()
    assert sorted(second.heard) == [Change("gpt-1", State.CLOSED, 0.0), other]

    second.sharing.tell(OPEN)
    await second.sharing.exchange()
    await first.sharing.exchange()
    assert first.heard == [OPEN]


async def test_what_is_over_is_deleted(workers: list[Worker]) -> None:
    """Neither heard nor kept; so is what no gateway has written."""
    first, second, _ = workers
    first.sharing.tell(OPEN)
    await first.sharing.exchange()
    await first.client.call("HSET", "test:deployments", "odd", "nonsense")
    second.now = OPEN.until + FORGET_S + 1.0
    await second.sharing.exchange()
    assert second.heard == []
    assert await first.client.call("HGETALL", "test:deployments") == []


async def test_redis_away(server: RedisServer, workers: list[Worker]) -> None:
    """News wait, a bounded number of them, and go out when it is back."""
    first, second, _ = workers
    server.stop()
    first.sharing.tell(OPEN)
    for _ in range(100):
        if not first.client.up:
            break
        await asyncio.sleep(0.05)
    with pytest.raises(RedisAway):
        await first.sharing.exchange()
    for number in range(MAX_WAITING):
        first.sharing.tell(Change(f"m-{number}", State.OPEN, NOW))
    assert first.sharing.counts()["waiting"] == MAX_WAITING
    assert first.sharing.counts()["dropped"] == 1
    server.start()
    assert await first.client.wait_up(5)
    assert await second.client.wait_up(5)
    await first.sharing.exchange()
    await second.sharing.exchange()
    assert len(second.heard) == MAX_WAITING
    assert OPEN in second.heard
    assert first.sharing.counts()["waiting"] == 0
