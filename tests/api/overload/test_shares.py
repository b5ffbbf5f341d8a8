"""Projects share by weight while their calls wait, however many of them one sends."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.api.limits.stage import Stage
from tests.api.overload.place import (
    OK,
    OVERLOADED,
    all_full,
    ask_for,
    comes_to,
    counts,
    empty,
    outcome,
    place,
    text_of,
)

ROOM = 4


async def crowded(stage: Stage, calls: Mapping[str, int]) -> None:
    """Fill the room, have these projects queue one after the other, and let all be served."""
    stage.upstream.fail_next("timing", times=None, contains="then ", delay_ms=30)
    async with AsyncExitStack() as clients:
        tasks = []
        async with all_full(stage, next(iter(calls)), ROOM):
            for name, count in calls.items():
                client = await clients.enter_async_context(stage.async_client(name, timeout=90))
                asked = ask_for(f"{name} then")
                tasks += [asyncio.create_task(outcome(client, **asked)) for _ in range(count)]
                assert await asyncio.to_thread(comes_to, stage, queued=len(tasks))
        ended = await asyncio.gather(*tasks)
    assert {kind for kind, _ in ended} == {"ok"}


@pytest.mark.parametrize(("weight", "share"), [(1, 0.5), (3, 0.25)])
def test_one_sends_ten_times_more(tmp_path: Path, weight: int, share: float) -> None:
    """It gets its share of turns, not ten times as many; by weight where the document says one."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=ROOM, QUEUE_TIMEOUT_S=60) as stage:
        stage.admin.done("PATCH", "/admin/projects/few", {"weight": weight})
        stage.hand_out(many={}, few={})  # what was written before the keys is known with them
        asyncio.run(crowded(stage, {"many": 200, "few": 20}))
        order = [text_of(record) for record in stage.upstream.requests[ROOM:]]
        assert Counter(order) == {"many": 200, "few": 20}
        contended = len(order) - order[::-1].index("few")
        for turns in range(1, contended + 1):
            of_many = order[:turns].count("many")
            assert abs(of_many - share * turns) <= ROOM + 1, f"{of_many} of {turns} turns"
        assert empty(stage)


def test_a_full_queue_lets_others_in(tmp_path: Path) -> None:
    """A project that has filled the queue gives places to one that comes later."""
    settings = {"MAX_CONCURRENT_REQUESTS": 1, "MAX_QUEUED_REQUESTS": 8}
    with place(tmp_path, QUEUE_TIMEOUT_S=60, **settings) as stage:
        stage.hand_out(many={}, few={})

        async def calls() -> dict[str, Counter[str]]:
            async with (
                stage.async_client("many", timeout=90) as many,
                stage.async_client("few", timeout=90) as few,
            ):
                async with all_full(stage, "many", 1):
                    early = [
                        asyncio.create_task(outcome(many, **ask_for("many"))) for _ in range(8)
                    ]
                    assert await asyncio.to_thread(comes_to, stage, queued=8)
                    late = [asyncio.create_task(outcome(few, **ask_for("few"))) for _ in range(4)]
                    assert await asyncio.to_thread(comes_to, stage, refused_pushed_out=4)
                return {
                    "many": counts(await asyncio.gather(*early)),
                    "few": counts(await asyncio.gather(*late)),
                }

        ended = asyncio.run(calls())
        assert ended == {"many": {OK: 4, OVERLOADED: 4}, "few": {OK: 4}}
        order = [text_of(record) for record in stage.upstream.requests[1:]]
        assert order == ["many", "few"] * 4
