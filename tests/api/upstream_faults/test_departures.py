"""Clients that leave or do not read: the upstream's work ends with them, memory is bounded."""

import time
from collections.abc import Callable

import pytest

from tests import exposition
from tests.api.asking import within
from tests.api.raw import Wire, chat, connected, get, post
from tests.api.traces import resident_bytes
from tests.api.upstream_faults.conftest import DONE, STREAM, Stage
from tests.simulators.faults import FaultKind
from tests.simulators.recording import RecordedRequest

AT_ONCE_S = 0.1
"""A client that leaves cancels the upstream's work within this time."""
TRIES = 6
"""The best of so many counts: two cores, shared with everything else that runs."""
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * 1000)
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
HUGE_BYTES = 64 * 1024 * 1024
MAX_HELD_BYTES = 24 * 1024 * 1024


LEAVING = pytest.mark.parametrize("leave", [Wire.leave, Wire.reset], ids=["close", "reset"])
Leave = Callable[[Wire], None]


def _arrived(stage: Stage, count: int) -> RecordedRequest:
    assert within(2.0, lambda: len(stage.first.requests) >= count)
    return stage.first.requests[count - 1]


def _left_after_s(record: RecordedRequest, left_at: float) -> float:
    """How long after the client the gateway left the upstream."""
    assert within(10.0, lambda: record.disconnected_after_ms is not None)
    assert record.disconnected_after_ms is not None
    return record.received_at + record.disconnected_after_ms / 1000 - left_at


def _leave(wire: Wire, leave: Leave, record: RecordedRequest) -> float:
    left_at = time.time()
    leave(wire)
    return _left_after_s(record, left_at)


@pytest.mark.conformance(operation="chat/completions", provider="OpenAI", aspect="cancel")
@LEAVING
@pytest.mark.parametrize(
    "kind", [FaultKind.HANG_BEFORE_HEADERS, FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MID_STREAM]
)
@pytest.mark.parametrize("more", [b"", STREAM], ids=["plain", "stream"])
def test_who_leaves_ends_the_upstream(
    stage: Stage, more: bytes, kind: FaultKind, leave: Leave
) -> None:
    """Wherever the upstream is in its answer, it is left within 100 ms of the client's leaving."""
    taken = []
    stage.first.fail_next(kind, times=TRIES)
    for number in range(TRIES):
        with connected(stage.gateway.url) as wire:
            wire.send(post(chat(more, b"patient")))
            record = _arrived(stage, number + 1)
            time.sleep(0.05)
            taken.append(_leave(wire, leave, record))
    lines = stage.settled(TRIES)

    assert min(taken) < AT_ONCE_S
    for line in lines:
        assert (line["outcome"], line["error"]) == ("aborted", None)
        assert [each["error"] for each in line["attempts"]] == ["cancelled"]
        assert line["usage"][-1] is True
        assert line["cost_nano"] > 0


@LEAVING
def test_with_another_request_behind(stage: Stage, leave: Leave) -> None:
    """A client that had sent its next request already is noticed just the same."""
    taken = []
    stage.first.fail_next(FaultKind.HANG_BEFORE_HEADERS, times=TRIES)
    for number in range(TRIES):
        with connected(stage.gateway.url) as wire:
            wire.send(post(chat(b"", b"patient")) + get() + post(chat(b"", b"patient")))
            record = _arrived(stage, number + 1)
            time.sleep(0.02)
            taken.append(_leave(wire, leave, record))
    stage.settled(TRIES)

    assert min(taken) < AT_ONCE_S
    assert len(stage.first.requests) == TRIES


def test_in_the_middle_of_the_events(stage: Stage) -> None:
    """A client that leaves a running stream ends it; what it got is charged by an estimate."""
    taken = []
    stage.first.fail_next(chunk_interval_ms=100, times=TRIES)
    for number in range(TRIES):
        with connected(stage.gateway.url) as wire:
            wire.send(post(chat(STREAM, b"patient")))
            record = _arrived(stage, number + 1)
            while b'"content":" ' not in wire.line():
                continue
            taken.append(_leave(wire, Wire.leave, record))
    lines = stage.settled(TRIES)

    assert min(taken) < AT_ONCE_S
    assert {line["outcome"] for line in lines} == {"aborted"}
    assert all(line["usage"][3] > 0 for line in lines)


def test_a_client_that_reads_slowly_is_waited_for(stage: Stage) -> None:
    """A huge stream to a client that pauses is held at the provider, not in memory, and whole."""
    count = HUGE_BYTES // len(EVENT)
    body = EVENT * count + FINISH + DONE
    kind = {"content-type": "text/event-stream"}
    stage.first.fail_next("status", status=200, headers=kind, body=body)
    before = resident_bytes(stage.gateway.process.pid)
    with connected(stage.gateway.url, window_bytes=64 * 1024) as wire:
        wire.send(post(chat(STREAM, b"plain")))
        assert wire.line() == b"HTTP/1.1 200 OK\r\n"
        time.sleep(0.5)
        held = resident_bytes(stage.gateway.process.pid) - before
        answer = wire.answer(status=200)

    assert held < MAX_HELD_BYTES
    assert answer.body == body
    assert stage.settled()[0]["outcome"] == "finished"


def test_a_client_that_never_reads_and_leaves(stage: Stage) -> None:
    """Full buffers do not hide that the client has left."""
    body = EVENT * (HUGE_BYTES // len(EVENT)) + FINISH + DONE
    kind = {"content-type": "text/event-stream"}
    stage.first.fail_next("status", status=200, headers=kind, body=body)
    with connected(stage.gateway.url, window_bytes=4096) as wire:
        wire.send(post(chat(STREAM, b"plain")))
        assert wire.line() == b"HTTP/1.1 200 OK\r\n"
        time.sleep(0.2)
        assert _leave(wire, Wire.reset, stage.first.requests[0]) < 1.0

    assert stage.settled()[0]["outcome"] == "aborted"


def test_nothing_is_left_behind(stage: Stage) -> None:
    """After all of this no call is in flight and no upstream connection is busy."""
    assert within(2.0, lambda: _gauges(stage)["llmproxy_upstream_connections_active"] == 0)
    assert _gauges(stage)["llmproxy_requests_in_flight"] == 0
    assert _gauges(stage)["llmproxy_ledger_lost"] == 0


def _gauges(stage: Stage) -> dict[str, float]:
    text = stage.gateway.get("/metrics")[1].decode()
    return exposition.figures(text, "")
