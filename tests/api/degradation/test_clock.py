"""The wall clock jumps: no request ends earlier or later for it.

Every timer goes by the monotonic clock, which no jump moves. That is shown with libfaketime: it
moves the wall clock of one process and leaves its monotonic clock alone.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, Wire, chat, connected, post
from tests.api.traces import settled
from tests.simulators.faults import FaultKind
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

FIRST_S, IDLE_S = 1.5, 1.0
EARLY_S, SLACK_S = 0.002, 20.0
DAY_S, MINUTE_S = 86_400, 60
"""Both are far more than the slack: a timer that follows the wall clock shows."""
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
JUMPS = pytest.mark.parametrize("jump_s", [-DAY_S, -MINUTE_S, MINUTE_S, DAY_S])
STREAM = b'"stream":true'


@dataclass(frozen=True, slots=True)
class Faked:
    """A server whose wall clock is wrong by as many seconds as the file says."""

    gateway: Gateway
    simulator: OpenAISimulator
    file: Path

    def jump(self, seconds: int) -> None:
        """Put its wall clock forward or back, at once."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n")
        beside.replace(self.file)

    def seen(self) -> float:
        """How wrong it is by its own answers, in seconds."""
        with connected(self.gateway.url) as wire:
            wire.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            said = wire.answer().header("date")
        assert said is not None
        return parsedate_to_datetime(said).timestamp() - time.time()


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faked]:
    if not LIBRARIES:
        reason = "libfaketime was not found (Debian's package faketime has it)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("clock")
    file = folder / "offset"
    file.write_text("+0\n")
    settings = SECRETS | {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FIRST_BYTE_TIMEOUT_S": str(FIRST_S),
        "IDLE_TIMEOUT_S": str(IDLE_S),
        "KEEP_ALIVE_S": "0.2",
    }
    with running(OpenAISimulator()) as simulator:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
        documents = [document("m", "OpenAI", "OpenAI", endpoint=simulator.base_url, **account)]
        with serving(folder, documents, settings) as gateway:
            yield Faked(gateway, simulator, file)


@pytest.fixture(name="faked")
def _faked(server: Faked) -> Iterator[Faked]:
    server.simulator.reset()
    server.jump(0)
    yield server
    server.gateway.check()


def _jumping(faked: Faked, jump_s: int, stream: bytes) -> tuple[Answer, float]:
    """Ask, let the clock jump once the provider works on it; the answer and the time it took."""

    def asks(wire: Wire) -> Answer:
        wire.send(post(chat(stream, b"m")))
        assert within(5.0, lambda: bool(faked.simulator.requests))
        faked.jump(jump_s)
        return wire.answer()

    return _timed(faked, asks)


def _timed(faked: Faked, asks: Callable[[Wire], Answer]) -> tuple[Answer, float]:
    began = time.monotonic()
    with connected(faked.gateway.url) as wire:
        answer = asks(wire)
    return answer, time.monotonic() - began


@JUMPS
@pytest.mark.parametrize("stream", [b"", STREAM], ids=["plain", "stream"])
def test_a_provider_that_hangs(faked: Faked, jump_s: int, stream: bytes) -> None:
    """The limit passes when it passes."""
    faked.simulator.fail_next(FaultKind.HANG_BEFORE_HEADERS)
    answer, took_s = _jumping(faked, jump_s, stream)

    assert answer.error["code"] == "upstream_first_token_timeout"
    assert FIRST_S - EARLY_S <= took_s < FIRST_S + SLACK_S
    assert within(SLACK_S, lambda: abs(faked.seen() - jump_s) < SLACK_S), "it did not jump"
    duration_s = settled(faked.gateway)[-1]["duration_s"]
    assert FIRST_S - EARLY_S <= duration_s < FIRST_S + SLACK_S


@JUMPS
def test_a_stream_that_falls_silent(faked: Faked, jump_s: int) -> None:
    """Neither cut before its time nor kept after it."""
    faked.simulator.fail_next(FaultKind.HANG_MID_STREAM, after_events=4)
    answer, took_s = _jumping(faked, jump_s, STREAM)

    assert b"upstream_idle_timeout" in answer.body
    assert IDLE_S - EARLY_S <= took_s < IDLE_S + SLACK_S


@JUMPS
def test_an_answer_on_its_way(faked: Faked, jump_s: int) -> None:
    """A slow stream arrives whole, with its keep-alives, and the connection is kept."""
    faked.simulator.fail_next(FaultKind.TIMING, chunk_interval_ms=250)
    answer, _ = _jumping(faked, jump_s, STREAM)

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert b'"error"' not in answer.body
    assert settled(faked.gateway)[-1]["outcome"] == "finished"


def test_calls_one_after_another_while_it_jumps(faked: Faked) -> None:
    """Limits, kept connections and the ledger go on as if nothing were."""
    with connected(faked.gateway.url) as wire:
        for jump_s in (DAY_S, -DAY_S, MINUTE_S, 0):
            faked.jump(jump_s)
            wire.send(post(chat(b"", b"m")))
            assert wire.answer().status == 200
    assert len({record.connection for record in faked.simulator.requests}) == 1
