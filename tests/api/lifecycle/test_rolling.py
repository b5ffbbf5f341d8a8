"""Two workers over one store and one Redis, restarted in turn under load: no request fails."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import httpx
import openai
import pytest
from typing_extensions import override

from tests.api.asking import within
from tests.api.ledger.world import World, world
from tests.api.lifecycle.nginx import balancing
from tests.api.lifecycle.stage import end_of, tell
from tests.ports import free_port
from tests.redis_server import require as require_redis
from tests.redis_server import running as redis_running

CLIENTS = 12
LISTENS_S = 1.0
"""A worker that greets listens within this: the other one, at the same port, would hide that."""
ROUNDS = 3
KINDS = ("plain", "plain", "slow", "stream", "stream")


@dataclass
class Pair:
    """Two servers with ports of their own, over the data of the first."""

    workers: tuple[World, World]
    ports: tuple[int, int]

    def restart(self, worker: World) -> None:
        """End one in good order, and start it again at its port."""
        tell(worker)
        assert end_of(worker) == 0
        worker.start()


def runs(worker: World) -> bool:
    """Whether its process lives."""
    return worker.process is not None and worker.process.poll() is None


class Overlapping(Pair):
    """At one port: the next worker listens before one ends. At rest only one of them runs."""

    @override
    def restart(self, worker: World) -> None:
        first, second = self.workers
        ends, begins = (first, second) if runs(first) else (second, first)
        begins.start()
        time.sleep(LISTENS_S)
        tell(ends)
        assert end_of(ends) == 0


@pytest.fixture(name="pair")
def _pair(tmp_path: Path) -> Iterator[Pair]:
    with paired(tmp_path, (free_port(), free_port())) as (workers, ports):
        for worker in workers:
            worker.start()
        yield Pair(workers, ports)


@contextmanager
def paired(
    folder: Path, ports: tuple[int, int], **settings: str
) -> Iterator[tuple[tuple[World, World], tuple[int, int]]]:
    """Two servers that do not run yet, with ports of their own, over the data of the first."""
    require_redis()
    with ExitStack() as stack:
        redis = folder / "redis"
        redis.mkdir()
        redis_url = stack.enter_context(redis_running(redis)).url
        given = {"REDIS_URL": redis_url, "DRAIN_DELAY_S": "1", **settings}
        first = stack.enter_context(world(folder, given))
        (folder / "second").mkdir()
        environments = [{**first.environment, "PORT": str(port)} for port in ports]
        first.environment = environments[0]
        second = replace(first, folder=folder / "second", environment=environments[1])
        stack.callback(lambda: second.process is None or second.process.kill())
        yield (first, second), ports


class Picking(httpx.AsyncBaseTransport):
    """Sends to the servers in turn; one that refuses a connection has not seen the request."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turns = count()
        self._inner = httpx.AsyncHTTPTransport()

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        turn = next(self._turns)
        for step in range(len(self._ports)):
            port = self._ports[(turn + step) % len(self._ports)]
            request.url = request.url.copy_with(port=port)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError:
                continue
        raise httpx.ConnectError("nobody listens")

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Load:
    """Clients that ask one call after the other until told to stop."""

    client: Callable[[], openai.AsyncOpenAI]
    over: bool = False
    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    async def run(self, rounds: Callable[[], None]) -> None:
        """Keep asking while the rounds run in a thread."""
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._ask_on(number))
            try:
                await asyncio.to_thread(rounds)
            finally:
                self.over = True

    async def _ask_on(self, first: int) -> None:
        async with self.client() as client:
            for turn in count(first):
                if self.over:
                    return
                kind = KINDS[turn % len(KINDS)]
                name = f"{kind}-{next(self.numbers)}"
                try:
                    await self._ask(client, kind, name)
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                    self.failed.append(f"{name}: {error!r} {error.__cause__!r}")
                await asyncio.sleep(0.02 * (turn % 3))

    async def _ask(self, client: openai.AsyncOpenAI, kind: str, name: str) -> None:
        answer = await client.chat.completions.create(
            model="mini",
            messages=[{"role": "user", "content": f"{kind} {name}"}],
            stream=kind == "stream",
            extra_headers={"x-llmproxy-tag": name},
        )
        finish = None
        if isinstance(answer, openai.AsyncStream):
            async for chunk in answer:
                finish = chunk.choices[0].finish_reason if chunk.choices else finish
        else:
            finish = answer.choices[0].finish_reason
        assert finish == "stop", f"{name} ended with {finish}"
        self.done[name] += 1


def through_all(pair: Pair, client: Callable[[], openai.AsyncOpenAI]) -> None:
    """Restart both in turn, some rounds, and check what clients and ledger say."""
    load = Load(client)

    def rounds() -> None:
        for _ in range(ROUNDS):
            for worker in pair.workers:
                before = len(load.done)
                pair.restart(worker)
                assert within(20, lambda before=before: len(load.done) > before + 2 * CLIENTS)

    asyncio.run(load.run(rounds))
    assert load.failed == []
    assert len(load.done) > ROUNDS * 2 * CLIENTS * 2
    for worker in filter(runs, pair.workers):
        tell(worker)
        assert end_of(worker) == 0
    rows = pair.workers[0].rows()
    assert Counter(tag for row in rows for tag in json.loads(row["tags"])) == load.done
    assert {row["outcome"] for row in rows} == {"finished"}


def test_behind_nginx(pair: Pair, tmp_path: Path) -> None:
    """With what docs/lifecycle.md advises; nothing is tried twice by the SDK."""
    with balancing(tmp_path / "nginx", pair.ports) as url:
        through_all(
            pair,
            lambda: openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-none", max_retries=0),
        )


def test_without_anything_between(pair: Pair) -> None:
    """A client that tries the other one where a connection is refused needs nothing more."""
    through_all(
        pair,
        lambda: openai.AsyncOpenAI(
            base_url="http://127.0.0.1/v1",
            api_key="sk-none",
            max_retries=0,
            http_client=httpx.AsyncClient(transport=Picking(pair.ports)),
        ),
    )


def test_at_one_port(tmp_path: Path) -> None:
    """With REUSE_PORT the next worker is there before one ends, and no client needs to know."""
    port = free_port()
    with paired(tmp_path, (port, port), REUSE_PORT="on") as (workers, ports):
        workers[0].start()
        through_all(
            Overlapping(workers, ports),
            lambda: openai.AsyncOpenAI(
                base_url=f"http://127.0.0.1:{port}/v1", api_key="sk-none", max_retries=0
            ),
        )
