"""How late the event loop is, and what the system says of the process."""

import asyncio
import os
import time

import pytest

from llmproxy.infra.telemetry.prometheus.exposition import PIECE_LINES, Block, written
from llmproxy.infra.telemetry.prometheus.families import COUNTED, LAG
from llmproxy.infra.telemetry.prometheus.loop_lag import EVERY_S, LoopLag
from llmproxy.infra.telemetry.prometheus.process import Process
from tests.exposition import read, value

pytestmark = pytest.mark.asyncio
BLOCKED_S = 0.3


async def test_a_loop_that_is_held_up_is_late() -> None:
    """The lag is what a timer had to wait, and the largest of it is told."""
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(2 * EVERY_S)
    time.sleep(BLOCKED_S)  # noqa: ASYNC251 - this is what is looked for
    await asyncio.sleep(2 * EVERY_S)
    lag.stop()

    found = read(await written(lag.blocks("0")))
    late_s = value(found, "llmproxy_event_loop_lag_max_seconds")
    assert BLOCKED_S - EVERY_S - 0.02 < late_s < BLOCKED_S + 5
    assert value(found, f"{LAG.name}_count") >= 2
    assert value(found, f"{LAG.name}_sum") >= late_s
    assert value(found, f"{LAG.name}_bucket", le="0.1") < value(found, f"{LAG.name}_count")


async def test_nobody_looks_any_more() -> None:
    """After its stop no timer is left, and stopping twice is fine."""
    lag = LoopLag()
    lag.start()
    lag.stop()
    lag.stop()
    await asyncio.sleep(2 * EVERY_S)
    found = read(await written(lag.blocks("0")))
    assert value(found, f"{LAG.name}_count") == 0


async def test_the_process() -> None:
    """Its CPU time, size, open files and start are those of this process."""
    before = sum(os.times()[:2])
    found = read(await written(Process().blocks("0")))
    assert before <= value(found, "process_cpu_seconds_total") <= sum(os.times()[:2]) + 1
    assert 5e6 < value(found, "process_resident_memory_bytes") < 5e9
    assert 3 <= value(found, "process_open_fds") <= value(found, "process_max_fds")
    assert 0 <= time.time() - value(found, "process_start_time_seconds") < 24 * 3600
    assert value(found, "python_gc_collections_total", generation="2") >= 0


async def test_the_loop_goes_on_while_many_lines_are_written() -> None:
    """Others have a turn after each piece."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    family = next(each for each in COUNTED if not each.labels)
    lines = [f'{family.name}{{worker="{number}"}} 1' for number in range(20 * PIECE_LINES)]
    blocks: list[Block] = [(family, iter(lines))]
    task = asyncio.create_task(others())
    text = await written(blocks)
    task.cancel()

    assert len(read(text)) == len(lines)
    assert turns >= 15
