"""The parts of the chaos, each on its own: a run proves nothing when its judges are blind."""

import asyncio
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.api.gateway import Gateway
from tests.chaos import wire
from tests.chaos.books import audit
from tests.chaos.client import Call, Client, Ending, judge
from tests.chaos.provider import KEY, Provider
from tests.chaos.sdk import Sdk
from tests.chaos.watching import Sample, Watch
from tests.chaos.weather import CALM_FROM_S, HANDOVER_S, LONG_S, WELL, Mode, forecast

NUMBER = 4711
SOON_S = 10.0


@pytest_asyncio.fixture(name="provider")
async def _provider() -> Any:  # noqa: ANN401
    provider = Provider("first", 1)
    await provider.listen()
    yield provider
    provider.close()


@pytest_asyncio.fixture(name="vendor")
async def _vendor(provider: Provider) -> Any:  # noqa: ANN401
    async with openai.AsyncOpenAI(
        base_url=provider.base_url, api_key=KEY, max_retries=0, timeout=SOON_S
    ) as client:
        yield client


MESSAGES: list[Any] = [{"role": "user", "content": f"call {NUMBER}"}]


async def _said(vendor: openai.AsyncOpenAI) -> str:
    """A stream's text, through the SDK."""
    said = ""
    answer = await vendor.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in answer:
        said += "".join(each.delta.content or "" for each in chunk.choices)
        if chunk.usage is not None:
            assert chunk.usage.completion_tokens == wire.COMPLETION_TOKENS
            said += "."
    return said


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [Mode.HEALTHY, Mode.SLOW])
async def test_the_vendors_sdk(provider: Provider, vendor: openai.AsyncOpenAI, mode: Mode) -> None:
    """The vendor's own SDK reads a provider's answers, plain and streamed."""
    await provider.change(mode, 1.0)
    plain = await vendor.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    assert plain.choices[0].message.content == wire.text_of(NUMBER)
    assert plain.usage is not None
    assert plain.usage.prompt_tokens == wire.PROMPT_TOKENS
    assert await _said(vendor) == wire.text_of(NUMBER) + "."
    assert provider.seen[NUMBER] == 2


@pytest.mark.asyncio
async def test_the_vendors_sdk_sees_the_errors(
    provider: Provider, vendor: openai.AsyncOpenAI
) -> None:
    """Statuses are the SDK's classes; a key that is not the account's is a 401."""
    for mode, kind in (
        (Mode.STATUS_401, openai.AuthenticationError),
        (Mode.STATUS_429, openai.RateLimitError),
        (Mode.STATUS_529, openai.InternalServerError),
        (Mode.RESET, openai.APIConnectionError),
        (Mode.REFUSE, openai.APIConnectionError),
    ):
        await provider.change(mode, 1.0)
        with pytest.raises(kind):
            await vendor.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    await provider.change(Mode.ERROR_EVENT, 1.0)
    with pytest.raises(openai.APIError, match="Too bad"):
        await _said(vendor)
    await provider.change(Mode.HEALTHY, 1.0)
    with pytest.raises(openai.AuthenticationError):
        await _said(vendor.with_options(api_key="sk-another"))
    with pytest.raises(openai.NotFoundError):
        await vendor.models.list()


@pytest.mark.asyncio
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", [mode for mode in Mode if "hang" not in mode])
async def test_the_light_client(provider: Provider, mode: Mode, *, stream: bool) -> None:
    """Asked directly, a provider that fails is never taken for one that answers."""
    client = Client(provider.base_url.removesuffix("/v1"))
    await provider.change(mode, 1.0)
    call = Call(NUMBER, stream=stream)
    with_key = KEY.encode()
    await client.ask(call, with_key)

    assert (call.ending is Ending.ANSWERED) is (mode in WELL)
    if mode is Mode.ERROR_EVENT and stream:
        assert call.ending is Ending.RAISED
    client.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [mode for mode in Mode if "hang" in mode])
async def test_hanging(provider: Provider, mode: Mode) -> None:
    """Who hangs says nothing more."""
    await provider.change(mode, 1.0)
    client = Client(provider.base_url.removesuffix("/v1"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.ask(Call(NUMBER, stream=True), KEY.encode())
    client.close()


def _stream(*, until: int | None = None, error: bool = False, done: bool = True) -> bytes:
    """The body of a stream, without its chunks' sizes."""
    events = [wire.filled(event, NUMBER) for event in wire.EVENTS[:until]]
    return b"".join([*events, wire.ERROR_EVENT * error, b"data: [DONE]\n\n" * done])


JUDGED = [
    (_stream(), Ending.ANSWERED),
    (_stream(until=4), Ending.SILENT),
    (_stream(until=-1), Ending.SILENT),
    (_stream(done=False), Ending.SILENT),
    (_stream(until=4, done=False), Ending.SILENT),
    (_stream(until=4, error=True), Ending.RAISED),
    (_stream(until=1, error=True), Ending.TOLD),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("body", "ending"), JUDGED)
async def test_judging_streams(body: bytes, ending: Ending) -> None:
    """A stream is whole, or an error, or what must never be; the SDK raises on errors alone."""
    call = Call(NUMBER, stream=True)
    judge(call, 200, body)
    sdk = Sdk("http://gateway/v1")

    assert call.ending is ending
    assert await sdk.raises_on(body) is (ending in {Ending.RAISED, Ending.TOLD})
    await sdk.close()


def test_one_deployment_is_always_healthy() -> None:
    """Whatever the seed: one of the three is healthy, and has been so for a while."""
    for seed in range(200):
        since = dict.fromkeys(range(4), -HANDOVER_S)
        changes = list(forecast(seed, 3, 1, 300.0))
        assert len(changes) > 50
        for change in changes:
            if change.mode is Mode.HEALTHY:
                since[change.provider] = change.at_s
            else:
                since.pop(change.provider, None)
            rested = [each for each, at_s in since.items() if change.at_s - at_s >= HANDOVER_S]
            assert any(each < 3 for each in rested)
    assert list(forecast(7, 3, 1, 60.0)) == list(forecast(7, 3, 1, 60.0))


def test_a_long_run_begins_with_a_crowd() -> None:
    """Of calls that are answered whole, before anything fails."""
    changes = list(forecast(7, 3, 1, LONG_S))
    crowd, rest = changes[:8], changes[8:]
    assert [each.mode for each in crowd] == [Mode.CROWDED] * 4 + [Mode.HEALTHY] * 4
    assert {each.provider for each in crowd[:4]} == {0, 1, 2, 3}
    assert all(each.mode in WELL for each in crowd)
    assert rest[0].at_s > CALM_FROM_S
    assert Mode.CROWDED not in {each.mode for each in rest}


def _row(number: int, request_id: str, *attempts: tuple[str, str | None]) -> tuple[Any, ...]:
    said = [{"deployment": name, "error": error, "duration_s": 0.1} for name, error in attempts]
    outcome = "finished" if attempts[-1][1] is None else "failed"
    return request_id, json.dumps([str(number)]), outcome, None, json.dumps(said)


def test_the_audit(tmp_path: Path) -> None:
    """A call without a row or with two, a wrong id, a request without an attempt: all are told."""
    store = tmp_path / "store.sqlite3"
    rows = [
        _row(0, "req_0", ("first", "upstream_error"), ("second", None)),
        _row(1, "req_1", ("second", None)),
        _row(2, "req_2", ("second", None)),
        _row(2, "req_2b", ("second", None)),
        _row(4, "req_other", ("first", "upstream_error")),
    ]
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "CREATE TABLE usage (request_id, tags, outcome, first_content_s, attempts)"
        )
        connection.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?)", rows)
    provider = Provider("first", 1)
    provider.seen.update([0, 1, 4])
    books = audit(
        store, [f"req_{number}" for number in range(5)], [provider, Provider("second", 2)]
    )

    assert (books.rows, books.hidden) == (5, 1)
    assert books.wrong == [
        "call 2: row req_2b, client req_2",
        "call 4: row req_other, client req_4",
        "call 2: 2 rows",
        "call 3: 0 rows",
        "first saw call 1, and no attempt says so",
        "first saw 1 requests more than attempts",
    ]
    assert books.stories == {4: "first upstream_error (0.10 s)"}


def test_the_slope(tmp_path: Path) -> None:
    """Growth after the warm-up is told per minute, growth before it and short runs are not."""
    process = subprocess.Popen(["true"])
    process.wait()
    watch = Watch(Gateway("", tmp_path, process, {}))
    watch.samples = [Sample(float(at_s), min(at_s, 300) / 10, 9) for at_s in range(0, 1800, 10)]
    assert watch.slope_mb_per_min() == pytest.approx(0.0)
    watch.samples = [Sample(float(at_s), 50 + at_s / 60, 9) for at_s in range(0, 1800, 10)]
    assert watch.slope_mb_per_min() == pytest.approx(1.0)
    watch.samples = watch.samples[:60]
    assert watch.slope_mb_per_min() is None
