"""Answers that are too large or never end: bounded in memory and in time."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import exposition
from tests.api.asking import within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Wire, chat, connected, post
from tests.api.traces import memory_bytes, settled
from tests.api.upstream_faults.scripted import Scripted, events, scripted
from tests.simulators.faults import FaultKind
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

MIB = 1024 * 1024
TOTAL_S = 4.0
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'


@dataclass(frozen=True, slots=True)
class Stage:
    """Models: `m` (the simulator), `odd` (what a test scripts)."""

    gateway: Gateway
    simulator: OpenAISimulator
    odd: Scripted


@pytest.fixture(name="stage")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server for each test: the most that it ever held is asserted."""
    with running(OpenAISimulator()) as simulator, scripted() as odd:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
        documents = [
            document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account)
            for code, endpoint in (("m", simulator.base_url), ("odd", odd.base_url))
        ]
        settings = SECRETS | {"TOTAL_TIMEOUT_S": str(TOTAL_S), "IDLE_TIMEOUT_S": "60"}
        with serving(tmp_path_factory.mktemp("memory"), documents, settings) as gateway:
            yield Stage(gateway, simulator, odd)


def _last_of(wire: Wire) -> bytes:
    """Read an answer to its end; the last of it."""
    last = b""
    while not last.endswith(b"0\r\n\r\n") and (piece := wire.socket.recv(MIB)):
        last = (last + piece)[-1000:]
    return last


def _left(stage: Stage) -> bool:
    """Whether the server has no connection to a provider in use."""
    _, text = stage.gateway.get("/metrics")
    return exposition.figures(text.decode())["upstream_connections_active"] == 0


def test_a_hundred_megabytes(stage: Stage) -> None:
    """An answer that large passes, and its memory is given back."""
    size = 100 * 1000 * 1000
    stage.simulator.fail_next(FaultKind.HUGE, huge_bytes=size)
    before = memory_bytes(stage.gateway.process.pid)
    with connected(stage.gateway.url) as wire:
        wire.socket.settimeout(60.0)
        wire.send(post(chat(b"", b"m")))
        answer = wire.answer()

    assert answer.status == 200
    assert len(answer.body) > size
    assert memory_bytes(stage.gateway.process.pid, "VmHWM") - before < 5 * size
    assert within(10.0, lambda: memory_bytes(stage.gateway.process.pid) - before < size)


def test_an_event_of_a_hundred_megabytes(stage: Stage) -> None:
    """One event is never that large: it is given up long before."""
    stage.simulator.fail_next(FaultKind.HUGE, huge_bytes=100 * 1000 * 1000)
    before = memory_bytes(stage.gateway.process.pid)
    with connected(stage.gateway.url) as wire:
        wire.socket.settimeout(60.0)
        wire.send(post(chat(b'"stream":true', b"m")))
        answer = wire.answer()

    assert answer.status == 200, "its first event had content"
    assert b"an event of more than 16777216 bytes" in answer.body
    assert len(answer.body) < 10_000
    assert memory_bytes(stage.gateway.process.pid, "VmHWM") - before < 80 * MIB


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "never reads"])
def test_a_stream_without_an_end(stage: Stage, *, reads: bool) -> None:
    """It ends at the total, whether the client keeps up or not; nothing piles up meanwhile.

    A client that takes nothing for a minute more is left.
    """
    flood = events(*[EVENT % (b"x" * 60_000)] * 20_000)
    stage.odd.says(flood)
    before = memory_bytes(stage.gateway.process.pid)
    with connected(stage.gateway.url) as wire:
        wire.socket.settimeout(60.0)
        wire.send(post(chat(b'"stream":true', b"odd")))
        if not reads:
            assert within(5.0, lambda: not _left(stage))
            assert within(TOTAL_S + 20.0, lambda: _left(stage))
        assert b'"code":"upstream_total_timeout"' in _last_of(wire)
    assert within(5.0, lambda: len(settled(stage.gateway)) == 1)

    [line] = settled(stage.gateway)
    assert (line["outcome"], line["error"]) == ("failed", "upstream_total_timeout")
    assert memory_bytes(stage.gateway.process.pid, "VmHWM") - before < 40 * MIB
