"""Limiters, each in its place, and workers over one Redis: several suites ask them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.limiter_places import PLACES, Make, Place
from tests.contract.redis_world import World
from tests.redis_server import running


@pytest_asyncio.fixture(name="place", params=PLACES)
async def _place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    make: Make = request.param
    async with make(tmp_path) as place:
        yield place


@pytest_asyncio.fixture(name="world", params=[False, True], ids=["emptied", "kept"])
async def _world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Redis keeps what it knows over a crash, or nothing."""
    with running(tmp_path / "redis", kept=request.param) as server:
        async with AsyncExitStack() as stack:
            yield World(server, stack)


@pytest_asyncio.fixture(name="plain")
async def _plain(tmp_path: Path) -> AsyncIterator[World]:
    with running(tmp_path / "redis") as server:
        async with AsyncExitStack() as stack:
            yield World(server, stack)
