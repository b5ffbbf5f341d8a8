"""Identical requests at once: one call of the provider, plain and streamed, whoever leaves."""

import asyncio
import itertools
from typing import Any

import openai
import pytest

from tests.api.cache.conftest import STATUS, Stage
from tests.simulators.faults import FaultKind

pytestmark = pytest.mark.asyncio
MANY = 20
numbers = itertools.count()


def _body(**further: Any) -> dict[str, Any]:  # noqa: ANN401
    content = f"shared question {next(numbers)}"
    return {"model": "kept", "messages": [{"role": "user", "content": content}], **further}


async def test_plain(stage: Stage) -> None:
    """Twenty questions, one call; each has its row."""
    stage.upstream.fail_next(FaultKind.TIMING, delay_ms=500)
    body = _body()
    async with stage.async_client() as client:
        raw = await asyncio.gather(
            *(client.chat.completions.with_raw_response.create(**body) for _ in range(MANY))
        )
    assert sorted(each.headers[STATUS] for each in raw) == ["coalesced"] * (MANY - 1) + ["miss"]
    assert len({each.content for each in raw}) == 1
    assert len({each.headers["x-request-id"] for each in raw}) == MANY
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(MANY) == ["cached"] * (MANY - 1) + ["finished"]


async def _stream(client: openai.AsyncOpenAI, body: dict[str, Any]) -> tuple[str, list[str]]:
    raw = await client.chat.completions.with_raw_response.create(**body)
    said = [choice.delta.content or "" async for chunk in raw.parse() for choice in chunk.choices]
    return raw.headers[STATUS], said


async def test_streamed(stage: Stage) -> None:
    """Those who come late get the events so far, then live ones; all the same ones."""
    stage.upstream.fail_next(FaultKind.TIMING, chunk_interval_ms=50)
    body = _body(stream=True)
    async with stage.async_client() as client:
        early = [asyncio.create_task(_stream(client, body)) for _ in range(MANY // 2)]
        await stage.asked()
        await asyncio.sleep(0.1)
        late = [asyncio.create_task(_stream(client, body)) for _ in range(MANY // 2)]
        read = await asyncio.gather(*early, *late)
    assert sorted(status for status, _ in read) == ["coalesced"] * (MANY - 1) + ["miss"]
    assert len({tuple(said) for _, said in read}) == 1
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(MANY) == ["cached"] * (MANY - 1) + ["finished"]


async def test_a_failure_is_everybodys(stage: Stage) -> None:
    """The same error for all, from one call; the next one asks again."""
    stage.upstream.fail_next(FaultKind.STATUS, status=500, delay_ms=300)
    body = _body()
    async with stage.async_client() as client:
        outcomes = await asyncio.gather(
            *(client.chat.completions.create(**body) for _ in range(5)), return_exceptions=True
        )
        assert {type(each) for each in outcomes} == {openai.InternalServerError}
        assert len(stage.upstream.requests) == 1
        raw = await client.chat.completions.with_raw_response.create(**body)
    assert raw.headers[STATUS] == "miss"
    assert stage.outcomes(6) == ["failed"] * 5 + ["finished"]


async def _leave(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_first_may_leave(stage: Stage, stream: bool) -> None:  # noqa: FBT001
    """The others are still served by its call."""
    stage.upstream.fail_next(FaultKind.TIMING, delay_ms=700)
    body = _body(stream=stream)
    async with stage.async_client() as one, stage.async_client() as two:
        first = asyncio.create_task(one.chat.completions.with_raw_response.create(**body))
        await stage.asked()
        second = asyncio.create_task(two.chat.completions.with_raw_response.create(**body))
        await asyncio.sleep(0.2)
        await _leave(first)
        raw = await second
        assert raw.headers[STATUS] == "coalesced"
        if stream:
            assert [chunk async for chunk in raw.parse()]
    [record] = stage.upstream.requests
    await asyncio.to_thread(record.wait_until_over)
    assert record.disconnected_after_ms is None
    assert stage.outcomes(2) == ["cached", "finished"]


@pytest.mark.parametrize("stream", [False, True])
async def test_when_all_leave_the_provider_is_told(stage: Stage, stream: bool) -> None:  # noqa: FBT001
    """The call is cancelled, nothing is kept, and all rows say so."""
    stage.upstream.fail_next(FaultKind.TIMING, delay_ms=5_000)
    body = _body(stream=stream)
    async with stage.async_client() as client:
        tasks = [asyncio.create_task(client.chat.completions.create(**body)) for _ in range(3)]
        await stage.asked()
        await asyncio.sleep(0.2)
        await _leave(*tasks)
        [record] = stage.upstream.requests
        await asyncio.to_thread(record.wait_until_over)
        assert record.disconnected_after_ms is not None
        assert stage.outcomes(3) == ["aborted"] * 3
        raw = await client.chat.completions.with_raw_response.create(**body)
        assert raw.headers[STATUS] == "miss"
