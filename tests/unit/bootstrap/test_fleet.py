"""What is said of a registry whose documents contradict one another."""

import asyncio
from types import MappingProxyType

import pytest

from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.fleet import _Keeper
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import deployment


def snapshot_of(*fallbacks: str) -> Snapshot:
    """Models that fall back on these."""
    made = [deployment(id=each, code=each, fallbacks=[f"no-{each}"]) for each in fallbacks]
    return Snapshot(tuple(made), MappingProxyType({}))


async def said(keeper: _Keeper, caplog: pytest.LogCaptureFixture, *shown: Snapshot) -> list[str]:
    """What is logged once these are installed, one right after the other."""
    caplog.clear()
    for snapshot in shown:
        keeper.keep(snapshot)
    await asyncio.sleep(0.01)
    return [each.getMessage() for each in caplog.records]


@pytest.mark.asyncio
async def test_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Each contradiction when it is new, of the newest snapshot, and none after the end."""
    keeper = _Keeper(Fleet(FakeClock(), lambda: 0.0))
    assert await said(keeper, caplog, snapshot_of("a")) == ["a: its fallback no-a is no model"]
    both = snapshot_of("a", "b")
    assert await said(keeper, caplog, both) == ["b: its fallback no-b is no model"]
    assert await said(keeper, caplog, both) == []
    newest = await said(keeper, caplog, snapshot_of("x"), snapshot_of("c"))
    assert newest == ["c: its fallback no-c is no model"]
    keeper.keep(snapshot_of("d"))
    keeper.close()
    assert await said(keeper, caplog) == []
