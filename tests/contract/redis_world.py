"""Workers over one Redis, each with a journal of its own, and the ledger that all of them feed."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack

from typing_extensions import override

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    History,
    Past,
    Reservation,
    Scope,
    Stretch,
    Told,
    Used,
)
from llmproxy.domain.errors import GatewayError, Unavailable
from llmproxy.domain.limit import WhenAway
from llmproxy.domain.secret import Secret
from llmproxy.infra.limiter.redis import RedisLimiter
from llmproxy.infra.limiter.redis_room import RedisOptions
from llmproxy.infra.redis.address import read_address
from llmproxy.infra.redis.client import RedisClient
from llmproxy.infra.telemetry.clock import SystemClock
from tests.contract.limiter_places import Heard, call
from tests.fakes.past import FakePast
from tests.redis_server import RedisServer

LINE_BYTES = 100
PATIENT_S = 0.5
"""A machine that runs many tests can keep Redis from its processor for longer than 50 ms."""


class Ledger:
    """All journal files by name, and how many lines of each have been carried."""

    def __init__(self) -> None:
        self.files: dict[str, list[Told]] = {}
        self.carried: dict[str, int] = {}

    @property
    def lines(self) -> list[Told]:
        """All lines that were ever written."""
        return [line for lines in self.files.values() for line in lines]

    def carry(self) -> None:
        """Take all lines."""
        self.carried = {name: len(lines) for name, lines in self.files.items()}

    def spent(self) -> Used:
        """Return what all calls used."""
        used = [line.used for line in self.lines]
        return Used(
            sum(each.cost_nano for each in used),
            sum(each.tokens for each in used),
            sum(each.requests for each in used),
        )

    def history(self, scopes: Collection[Scope], now: float) -> History:
        """Return what was carried."""
        past = FakePast()
        past.lines = [line for name, n in self.carried.items() for line in self.files[name][:n]]
        told = past.told(scopes, now)
        return History(told, {name: n * LINE_BYTES for name, n in self.carried.items()})


class WorkerPast(Past):
    """One worker's journal: `begin` opens another file."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.ledger = ledger
        self.names: list[str] = []
        self.gone: set[str] = set()
        self.begin(name)

    def begin(self, name: str) -> None:
        """Go on in another file."""
        self.names.append(name)
        self.ledger.files[name] = []

    def write(self, held: Reservation, used: Used) -> None:
        """Write the line of a settled call."""
        lines = self.ledger.files[self.names[-1]]
        lines.append(
            Told(
                held.at,
                held.key_id,
                held.project,
                held.model,
                held.deployment,
                held.currency,
                used,
                len(lines) * LINE_BYTES,
            )
        )

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        await asyncio.sleep(0.002)
        return self.ledger.history(scopes, now)

    @override
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        found = []
        for name in self.names:
            if name not in self.gone:
                begin, lines = positions.get(name, 0), self.ledger.files[name]
                rest = lines[begin // LINE_BYTES :]
                found.append(Stretch(name, begin, len(lines) * LINE_BYTES, rest))
        return found

    @override
    def place(self) -> tuple[str, int]:
        name = self.names[-1]
        return name, len(self.ledger.files[name]) * LINE_BYTES


class Worker:
    """A limiter with its client and its journal."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.past = WorkerPast(ledger, name)
        self.heard = Heard()
        self.client: RedisClient
        self.limiter: RedisLimiter

    async def start(
        self, server: RedisServer, when_away: WhenAway, timeout_s: float = PATIENT_S
    ) -> None:
        """Connect."""
        self.client = RedisClient(read_address(Secret(server.url)), timeout_s=timeout_s)
        options = RedisOptions(10_000, when_away, gather_s=0.0)
        self.limiter = RedisLimiter(self.client, SystemClock(), self.past, self.heard, options)
        self.client.start()
        await self.limiter.start()

    def settle(self, held: Reservation, used: Used = NOTHING_USED) -> None:
        """Settle as the gateway does: the journal first. Its lane was asked."""
        lane = held.lanes[held.lane] if held.lanes else None
        held.deployment = None if lane is None else lane.name
        if used != NOTHING_USED:
            self.past.write(held, used)
        self.limiter.settle(held, used)

    async def close(self) -> None:
        """Stop in order."""
        await self.limiter.close()
        await self.client.close()

    async def die(self) -> None:
        """Stop without a word to Redis."""
        await self.client.close()
        await self.limiter.close()


class World:
    """Workers over one Redis and one ledger."""

    def __init__(self, server: RedisServer, stack: AsyncExitStack) -> None:
        self.server = server
        self.ledger = Ledger()
        self.workers: list[Worker] = []
        self._stack = stack

    async def worker(
        self, when_away: WhenAway = WhenAway.CLOSED, timeout_s: float = PATIENT_S
    ) -> Worker:
        """Start one more."""
        worker = Worker(self.ledger, f"worker-{len(self.workers)}-1.jsonl")
        await worker.start(self.server, when_away, timeout_s)
        self._stack.push_async_callback(worker.close)
        self.workers.append(worker)
        return worker

    async def until_counted(self, worker: Worker, held: Reservation) -> Reservation:
        """Reserve as soon as that is possible, and return the reservation."""
        async with asyncio.timeout(20):
            while True:
                try:
                    await worker.limiter.reserve(held)
                except GatewayError as error:
                    if error.code != "limits_unavailable":
                        raise
                    await asyncio.sleep(0.05)
                else:
                    return held


async def seen(worker: Worker, scope: Scope) -> dict[str, tuple[int, int]]:
    """Return what is used and held of each limit."""
    await worker.limiter.drain()
    async with asyncio.timeout(20):
        while True:
            try:
                standing = await worker.limiter.standing(call(scope))
                break
            except Unavailable:
                await asyncio.sleep(0.05)
    return {each.setting: (each.used, each.held) for each in standing.limits[1:]}
