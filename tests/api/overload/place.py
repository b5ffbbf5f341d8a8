"""A server with little room, what it says of it, and what its provider saw at once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import openai

from tests import exposition
from tests.api.admin.administrator import ADMIN_KEY
from tests.api.asking import bearer, within
from tests.api.limits.stage import Stage, counted, staged
from tests.api.raw import connected, post
from tests.api.realtime.conftest import COSTS
from tests.simulators.openai import OpenAISimulator
from tests.simulators.recording import RecordedRequest
from tests.simulators.runner import running

EARLY_MS = 50
"""By how much a delayed answer may be early."""
SOON_S = 20.0
MODEL = "counted"
OVERLOADED = "overloaded"
OK = "ok"


@contextmanager
def place(folder: Path, **settings: object) -> Iterator[Stage]:
    """Serve a chat model, a transcriber and a realtime model with these settings."""
    with running(OpenAISimulator()) as upstream:
        documents = [
            counted(MODEL, upstream),
            counted("writer", upstream, operations=["audio_stt"]),
            counted("talker", upstream, operations=["audio_realtime"], costs=COSTS),
        ]
        documents[1]["parameters"]["model"] = "whisper-1"
        documents[2]["parameters"]["model"] = "gpt-realtime"
        told = {name: str(value) for name, value in settings.items()}
        with staged(folder, upstream, documents, told) as stage:
            yield stage


def figures(stage: Stage) -> dict[str, float]:
    """What the metrics say of the gate."""
    answer = stage.admin.ask("GET", "/metrics")
    assert answer.status == 200
    return exposition.figures(answer.body.decode(), "llmproxy_admission_")


def comes_to(stage: Stage, **expected: float) -> bool:
    """Whether these figures are so before long."""
    return within(SOON_S, lambda: expected.items() <= figures(stage).items())


def empty(stage: Stage) -> bool:
    """Whether all room is given back before long."""
    return comes_to(stage, running=0, queued=0, body_bytes=0)


def ask_for(text: str, **more: object) -> dict[str, Any]:
    """The arguments of a chat whose text the provider's plan of faults looks at."""
    messages = [{"role": "user", "content": f"{text} count to 2"}]
    return {"model": MODEL, "messages": messages, "max_tokens": 4, **more}


def text_of(record: RecordedRequest) -> str:
    """The first word of what was asked."""
    return str(record.json["messages"][0]["content"].split()[0])


@contextmanager
def full(stage: Stage, name: str = "one") -> Iterator[None]:
    """The only room is taken by a call to which nothing is said, until the end of the block."""
    stage.upstream.fail_next("hang_before_headers", times=None, contains="first ")
    with connected(stage.gateway.url) as wire:
        wire.send(post(json.dumps(ask_for("first")).encode(), authorization(stage, name)))
        assert within(SOON_S, lambda: [text_of(each) for each in stage.upstream.requests] != [])
        yield
        wire.leave()


@asynccontextmanager
async def all_full(stage: Stage, name: str, room: int) -> AsyncIterator[None]:
    """Calls take all room, until the end of the block, when they leave."""
    stage.upstream.fail_next("hang_before_headers", times=None, contains="first ")
    async with stage.async_client(name, timeout=600) as client:
        create = client.chat.completions.create
        tasks = [asyncio.create_task(create(**ask_for("first"))) for _ in range(room)]
        assert await asyncio.to_thread(comes_to, stage, running=room)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def outcome(client: openai.AsyncOpenAI, **asked: Any) -> tuple[str, float]:  # noqa: ANN401
    """What became of a call, and after how many seconds; only `overloaded` is no error."""
    began = time.monotonic()
    try:
        answer = await client.chat.completions.create(**asked)
        if asked.get("stream"):
            async for _ in answer:
                pass
    except openai.InternalServerError as error:
        ended = time.monotonic()
        check(error)
        return OVERLOADED, ended - began
    return OK, time.monotonic() - began


def check(error: openai.APIStatusError) -> None:
    """Check that it is the refusal, with all that it says."""
    headers = error.response.headers
    assert (error.status_code, error.code, error.type) == (503, OVERLOADED, "server_error")
    assert headers["x-should-retry"] == "true"
    assert 1000 <= int(headers["retry-after-ms"]) <= 3000
    assert headers["retry-after"] in {"1", "2", "3"}


async def outcomes(
    client: openai.AsyncOpenAI, asked: Sequence[dict[str, Any]]
) -> list[tuple[str, float]]:
    """Ask all at once."""
    return await asyncio.gather(*[outcome(client, **each) for each in asked])


def counts(ended: Sequence[tuple[str, float]]) -> Counter[str]:
    """How many became what."""
    return Counter(kind for kind, _ in ended)


def most_at_once(records: Sequence[RecordedRequest], delay_ms: float) -> int:
    """How many calls the provider had at once, each for as long as it surely did not answer."""
    moments = []
    for record in records:
        moments.append((record.received_at, 1))
        moments.append((record.received_at + (delay_ms - EARLY_MS) / 1000, -1))
    now = most = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def authorization(stage: Stage, name: str) -> bytes:
    """The header line of a key."""
    return b"authorization: Bearer " + stage.keys[name].key.encode()


def everything_else(stage: Stage) -> None:
    """What is no call is answered: health, metrics, models, administration."""
    admin = bearer(ADMIN_KEY)
    for path in ("/health", "/health/live", "/health/ready"):
        assert stage.gateway.get(path)[0] == 200
    for path in ("/metrics", "/v1/models", "/admin/models", "/admin/usage", "/admin/keys"):
        assert stage.admin.ask("GET", path, **admin).status == 200
