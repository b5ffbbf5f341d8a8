"""A server with calls of every length under way, and the signals that end it."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import openai

from tests.api.documents import document
from tests.api.gateway import run
from tests.api.ledger.world import World, world
from tests.api.realtime.conftest import COSTS

STEP_MS = 150
"""Between the events of a stream that is `long`."""
ENDS_S = 20.0
"""Within this a process ends after its last request: a wide bound for a busy machine."""
EARLY_S = 0.05
"""By how much a timer may fire early."""


@contextmanager
def stage(folder: Path, **settings: str) -> Iterator[World]:
    """Serve, with models that are slow by the first word of what they are asked."""
    with world(folder, settings) as there:
        first = there.simulators[0]
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": first.base_url}
        talker = document("talker", "OpenAI", "OpenAI", model="gpt-realtime", **account)
        talker |= {"operations": ["audio_realtime"], "costs": COSTS}
        voice = document("voice", "OpenAI", "OpenAI", model="gpt-4o-mini-tts", **account)
        voice |= {"operations": ["audio_tts"]}
        run(there.environment, "models", "import", "-", given=json.dumps([talker, voice]))
        for simulator in there.simulators:
            more = {"times": None}
            simulator.fail_next("timing", contains="long ", chunk_interval_ms=STEP_MS, **more)
            simulator.fail_next("timing", contains="late ", delay_ms=1500, **more)
            simulator.fail_next("hang_before_headers", contains="silent ", **more)
            simulator.fail_next("hang_mid_stream", contains="stuck ", **more)
        there.start()
        yield there


def tell(there: World, number: signal.Signals = signal.SIGTERM) -> float:
    """Send a signal; return when that was."""
    assert there.process is not None
    there.process.send_signal(number)
    return time.monotonic()


def end_of(there: World, within_s: float = ENDS_S) -> int:
    """Wait for the process; return its exit code. Raises when it is late or wrote a traceback."""
    assert there.process is not None
    code = there.process.wait(within_s)
    assert "Traceback" not in there.log, there.log
    return code


def client_of(there: World) -> openai.OpenAI:
    """The SDK as it is, but that it tries nothing twice."""
    return openai.OpenAI(base_url=f"{there.url}/v1", api_key="sk-none", max_retries=0)


def asked(text: str) -> dict[str, Any]:
    """The arguments of `chat.completions.create`."""
    return {"model": "mini", "messages": [{"role": "user", "content": text}]}


def outcomes(there: World) -> Mapping[str, tuple[str, str | None]]:
    """Outcome and error of each call, by the text of its tag. Raises when one has two rows."""
    with closing(sqlite3.connect(there.store)) as connection:
        rows = connection.execute("SELECT tags, outcome, error FROM usage").fetchall()
    found = {json.loads(tags)[0]: (outcome, error) for tags, outcome, error in rows}
    assert len(found) == len(rows), f"a call stands twice: {rows}"
    return found


def arrived(there: World, text: str) -> int:
    """How many calls whose text begins so a provider has seen."""
    requests = [record for each in there.simulators for record in each.requests]
    texts = [record.json["messages"][0]["content"] for record in requests]
    return sum(each.startswith(text) for each in texts)


def tag(name: str) -> dict[str, str]:
    """The headers by which `outcomes` knows a call."""
    return {"x-llmproxy-tag": name}
