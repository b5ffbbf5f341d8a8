"""The registry in Cosmos DB, changed all the time and cut off in the middle; two replicas."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.api.registry.account import TLS_IS_NOT_CHECKED, CosmosStore, account, hand_in
from tests.api.registry.administrator import Administrator, echo
from tests.api.registry.conftest import ADMIN_KEY
from tests.api.registry.line import Line
from tests.api.registry.load import Load, chat
from tests.api.registry.story import CHANGES, Plan, begin, choice, tell
from tests.api.registry.truth import Asked, Truth
from tests.api.registry.workers import Server, copied, lines_to, one_worker, two_workers
from tests.emulator.running import Emulator
from tests.simulators.openai import OpenAISimulator

Entered = TypeVar("Entered")

PER_SECOND = 50.0
CALLERS_OF_EACH = 4
BEFORE = Plan(keys=(1,) * 26, projects=(1,) * 3, imports=(1,) * 3, moves=(3,), name="a")
AFTER = Plan((1,) * 19, (1,) * 2, (1,), (), (1,) * 2, (3,), name="b")
BACK_WITHIN_S = 12.0
"""A look that hangs gives up after 5 s, and the next comes at most 5 s later."""
STEP_S = 0.1


@dataclass(slots=True)
class World:
    """Two replicas of two workers and one, the store behind them, and who works on it."""

    emulator: Emulator
    settings: dict[str, str]
    folder: Path
    replicas: tuple[Server, Server]
    admins: list[Administrator]
    store: CosmosStore


@TLS_IS_NOT_CHECKED
@pytest.mark.asyncio
async def test_200_changes_with_the_store_cut_off_in_the_middle(
    tmp_path: Path, settings: dict[str, str], simulator: OpenAISimulator
) -> None:
    """No request fails but those that must be refused, on whichever replica a change was made."""
    async with AsyncExitStack() as stack:
        emulator, of_account = stack.enter_context(account(tmp_path))
        settings = settings | of_account
        one = stack.enter_context(two_workers(tmp_path, settings, name="one"))
        store = stack.enter_context(hand_in(emulator))
        truth, keys = Truth(), {"admin": ADMIN_KEY}
        truth.always("key admin", "")
        desks = [await stack.enter_async_context(Line(one.url))]
        await begin(Administrator(desks[0], ADMIN_KEY, [], truth, keys), simulator.base_url)
        two = stack.enter_context(one_worker(tmp_path, settings, name="two"))
        desks.append(await stack.enter_async_context(Line(two.url)))
        lines = []
        for server in (two, one):
            opened = lines_to(server, keys["steady"], "steady", each=CALLERS_OF_EACH)
            lines += await stack.enter_async_context(opened)
        watches = list(dict(lines).items())
        assert len(watches) == 3, "two workers and another replica"
        admins = [Administrator(desk, ADMIN_KEY, watches, truth, keys) for desk in desks]
        world = World(emulator, settings, tmp_path, (one, two), admins, store)
        load = Load(keys, choice(truth, keys))
        async with load.on(lines, per_second=PER_SECOND):
            await tell(admins, store, BEFORE)
            await _outage(world)
            await tell(admins, store, AFTER)
        load.check(truth)
        load.check_no_return(truth)
        for admin in admins:
            admin.changes.check(CHANGES // 4, workers=3)
        assert sum(admin.changes.count for admin in admins) >= CHANGES


async def _outage(world: World) -> None:
    """Cosmos DB refuses connections, then takes them and says nothing, then is back."""
    world.emulator.away(on=True)
    for server in world.replicas:
        await _comes_true(lambda server=server: _is_away(server))
    copied(world.folder / "two" / "data", world.folder / "three" / "data")
    refused = asyncio.create_task(_change_is_refused(world.admins[1]))
    async with _in_thread(one_worker(world.folder, world.settings, name="three")) as third:
        await refused
        held = await _readiness(third)
        assert not held["current"]
        assert held["last_good_of"] is not None
        assert "serving from the last good state" in third.log
        await _serves_steadily(world, third)
        world.emulator.fail(hang=True, times=100_000)
        world.emulator.away(on=False)
        await _change_is_refused(world.admins[0])
        await _serves_steadily(world, third)
        world.emulator.heal()
        for server in (*world.replicas, third):
            await _comes_true(lambda server=server: _is_current(server))
        assert (await _readiness(third))["last_good_of"] is None
        await world.admins[0].add_model("after", "after", "steady")
        await _comes_true(lambda: _answers(world, third, "after"))


async def _change_is_refused(admin: Administrator) -> None:
    """Nothing is promised that cannot be kept."""
    reply = await admin.ask("POST", "/admin/models", echo("id-never", "never"))
    assert (reply.status, reply.code) == (503, "service_unavailable"), reply.body
    assert int(reply.headers["retry-after"]) >= 1


async def _serves_steadily(world: World, server: Server) -> None:
    for model in ("steady", "gpt"):
        assert await _answers(world, server, model)


async def _answers(world: World, server: Server, model: str) -> bool:
    async with Line(server.url) as line:
        reply = await chat(line, world.admins[0].keys["steady"], Asked("steady", model))
    return reply.status == 200


async def _readiness(server: Server) -> dict[str, Any]:
    """Return what an administrator is told of the registry; the public learns that it is old."""
    async with Line(server.url) as line:
        full = (await line.ask("GET", "/health/ready", ADMIN_KEY)).json
        public = (await line.ask("GET", "/health/ready")).json
    registry: dict[str, Any] = full["registry"]
    if not registry["current"]:
        assert public["status"] == "ready"
        assert set(public.get("registry", {"current"})) == {"current"}
    return registry


async def _is_away(server: Server) -> bool:
    return set((await _readiness(server))["away"]) == {"models", "keys", "projects"}


async def _is_current(server: Server) -> bool:
    return bool((await _readiness(server))["current"])


async def _comes_true(holds: Callable[[], Awaitable[bool]]) -> None:
    until = time.monotonic() + BACK_WITHIN_S
    while not await holds():
        assert time.monotonic() < until, "it did not come true"
        await asyncio.sleep(STEP_S)


@asynccontextmanager
async def _in_thread(manager: AbstractContextManager[Entered]) -> AsyncIterator[Entered]:
    """Enter and leave what blocks beside the loop, where the load goes on."""
    entered = await asyncio.to_thread(manager.__enter__)
    try:
        yield entered
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
