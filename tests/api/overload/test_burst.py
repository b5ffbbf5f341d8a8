"""A burst of calls: as many as there is room for, others queued or refused at once."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.asking import within
from tests.api.limits.stage import Stage
from tests.api.overload.place import (
    MODEL,
    OK,
    OVERLOADED,
    all_full,
    ask_for,
    comes_to,
    counts,
    empty,
    everything_else,
    figures,
    most_at_once,
    outcomes,
    place,
    text_of,
)

ROOM = 50
CALLS = 500
DELAY_MS = 2000
"""Longer than a machine with other work takes to let in as many as there is room for."""
HEALTHY_S = 0.1


@contextmanager
def health_watched(stage: Stage) -> Iterator[list[float]]:
    """Ask for the health all the time; how long each answer took, in seconds."""
    took: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=stage.gateway.url, trust_env=False) as client:
            while not over.is_set():
                began = time.monotonic()
                assert client.get("/health").status_code == 200
                took.append(time.monotonic() - began)
                time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("queued", [0, 100])
def test_a_burst_of_ten_times_the_room(tmp_path: Path, queued: int) -> None:
    """The provider never has more than the room; health is answered; only what ran is counted."""
    settings = {"MAX_CONCURRENT_REQUESTS": ROOM, "MAX_QUEUED_REQUESTS": queued}
    with place(tmp_path, QUEUE_TIMEOUT_S=60, **settings) as stage:
        stage.hand_out(one={"limits": {"requests_per_day": 10_000}})
        stage.upstream.fail_next("timing", times=None, delay_ms=DELAY_MS)
        asked = [ask_for("hello", stream=number % 3 == 2) for number in range(CALLS)]

        async def burst() -> list[tuple[str, float]]:
            async with stage.async_client("one", timeout=90) as client:
                return await outcomes(client, asked)

        with health_watched(stage) as took:
            ended = asyncio.run(burst())
        found = counts(ended)
        assert found[OK] + found[OVERLOADED] == CALLS
        assert found[OK] >= ROOM + queued
        assert found[OVERLOADED] > 0
        assert most_at_once(stage.upstream.requests, DELAY_MS) == ROOM
        assert len(stage.upstream.requests) == found[OK]
        assert statistics.median(took) < HEALTHY_S
        assert empty(stage)
        assert figures(stage)["refused_queue_full"] == found[OVERLOADED]
        limit = stage.limits("one")["key requests_per_day"]
        assert (float(limit["used"]), float(limit["held"])) == (found[OK], 0)
        assert len(stage.rows("one", min(found[OK], 1000))) == found[OK]


def test_refused_at_once(tmp_path: Path) -> None:
    """While the provider is silent: so many run, so many wait, others are told without waiting."""
    settings = {"MAX_CONCURRENT_REQUESTS": 3, "MAX_QUEUED_REQUESTS": 4}
    with place(tmp_path, QUEUE_TIMEOUT_S=60, **settings) as stage:
        stage.hand_out(one={})

        async def calls() -> None:
            async with stage.async_client("one", timeout=90) as client:
                async with all_full(stage, "one", 3):
                    asked = [ask_for("waits")] * 4
                    waiting = asyncio.create_task(outcomes(client, asked))
                    assert await asyncio.to_thread(comes_to, stage, running=3, queued=4)
                    refused = await outcomes(client, [ask_for("later")] * 5)
                    assert counts(refused) == {OVERLOADED: 5}
                    await asyncio.to_thread(everything_else, stage)
                    assert not waiting.done()
                assert counts(await waiting) == {OK: 4}

        asyncio.run(calls())
        assert {text_of(each) for each in stage.upstream.requests} == {"first", "waits"}
        assert empty(stage)


def test_the_longest_wait(tmp_path: Path) -> None:
    """Who has waited so long is refused in the same words, and the provider never hears of it."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=1, QUEUE_TIMEOUT_S=0.5) as stage:
        stage.hand_out(one={})

        async def calls() -> list[tuple[str, float]]:
            async with all_full(stage, "one", 1), stage.async_client("one", timeout=60) as client:
                return await outcomes(client, [ask_for("waits")] * 2)

        ended = asyncio.run(calls())
        assert counts(ended) == {OVERLOADED: 2}
        assert all(seconds > 0.45 for _, seconds in ended)
        assert len(stage.upstream.requests) == 1
        assert figures(stage)["refused_timeout"] == 2


def test_the_sdk_gets_in_by_itself(tmp_path: Path) -> None:
    """With its own retries, which wait as they are told, nobody notices."""
    with place(tmp_path, MAX_CONCURRENT_REQUESTS=1, MAX_QUEUED_REQUESTS=0) as stage:
        stage.hand_out(one={})
        stage.upstream.fail_next("timing", times=1, delay_ms=700)
        thread = threading.Thread(target=lambda: stage.chat("one", MODEL))
        thread.start()
        assert within(5, lambda: len(stage.upstream.requests) == 1)
        with stage.client("one", max_retries=4) as client:
            raw = client.chat.completions.with_raw_response.create(**ask_for("hello"))
        thread.join()
        assert raw.retries_taken >= 1
