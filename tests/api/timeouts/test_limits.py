"""Connect, first token, between tokens, total: at its own time, in its own word."""

import json
import time

import pytest

from tests.api.timeouts.conftest import (
    CONNECT_S,
    EARLY_S,
    FIRST_S,
    IDLE_S,
    KEEP_ALIVE_S,
    OWN,
    SLACK_S,
    TOTAL_S,
    Stage,
)
from tests.api.upstream_faults.scripted import events, http
from tests.simulators.faults import FaultKind

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
CONNECT = "upstream_connect_timeout"
FIRST = "upstream_first_token_timeout"
IDLE = "upstream_idle_timeout"
TOTAL = "upstream_total_timeout"
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def _broken(stage: Stage, body: bytes, code: str) -> list[bytes]:
    """Check a stream that ended after content in an error frame; the blocks before it."""
    *blocks, last, done, rest = body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    line = stage.line()
    assert (line["outcome"], line["error"]) == ("failed", code)
    assert line["cost_nano"] > 0
    return blocks


@BOTH
@pytest.mark.parametrize(
    ("model", "limit_s"),
    [("full", CONNECT_S), ("mute", CONNECT_S), ("own-full", OWN["own-connect"]["connect_s"])],
)
def test_connecting(stage: Stage, model: str, limit_s: float, *, stream: bool) -> None:
    """TCP and TLS together have one limit."""
    stage.late(stage.ask(model, stream=stream), CONNECT, limit_s)


@BOTH
@pytest.mark.parametrize("kind", [FaultKind.HANG_BEFORE_HEADERS, FaultKind.HANG_AFTER_HEADERS])
@pytest.mark.parametrize(
    ("model", "limit_s"), [("plain", FIRST_S), ("own-first", OWN["own-first"]["first_token_s"])]
)
def test_the_first_token(
    stage: Stage, kind: FaultKind, model: str, limit_s: float, *, stream: bool
) -> None:
    """Headers say nothing of the answer."""
    stage.simulator.fail_next(kind)
    stage.late(stage.ask(model, stream=stream), FIRST, limit_s)


SPEECHLESS = {
    "pings": [b": ping\n\n"] * 200,
    "roles": [ROLE] * 200,
    "named": [b'event: ping\ndata: {"type":"ping"}\n\n'] * 200,
    "filters": [b'data: {"choices":[],"prompt_filter_results":[]}\n\n'] * 200,
    "half": [WORD[:20], *[b" "] * 200],
}


@pytest.mark.parametrize("pieces", SPEECHLESS.values(), ids=SPEECHLESS)
def test_a_stream_that_is_lively_and_says_nothing(stage: Stage, pieces: list[bytes]) -> None:
    """Comments, roles and half an event keep it going no longer than silence would."""
    stage.odd.says(events(*pieces, WORD, END))
    stage.late(stage.ask("odd", stream=True), FIRST, FIRST_S)


def test_blank_lines_before_an_answer(stage: Stage) -> None:
    """Some providers send them while they work: they are no beginning of the answer."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n"
    stage.odd.says((head, *[b"\n"] * 200))
    stage.late(stage.ask("odd"), FIRST, FIRST_S)


def test_blank_lines_are_part_of_the_answer(stage: Stage) -> None:
    """A few of them before the whole answer do no harm."""
    whole = http(b'\n\n{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}')
    stage.odd.says((whole[:-70], whole[-70:]))

    assert stage.ask("odd").status == 200


@pytest.mark.parametrize(
    ("model", "limit_s"), [("plain", IDLE_S), ("own-idle", OWN["own-idle"]["between_tokens_s"])]
)
def test_between_tokens(stage: Stage, model: str, limit_s: float) -> None:
    """A stream that stops speaking is ended by an error frame; the client had company."""
    stage.simulator.fail_next(FaultKind.HANG_MID_STREAM, after_events=4)
    began = time.monotonic()
    answer = stage.ask(model, stream=True)

    assert limit_s - EARLY_S <= time.monotonic() - began < limit_s + SLACK_S
    blocks = _broken(stage, answer.body, IDLE)
    assert 1 <= blocks.count(b": keep-alive") <= (limit_s + SLACK_S) / KEEP_ALIVE_S


def test_between_pieces_of_a_whole_answer(stage: Stage) -> None:
    """So has an answer in one piece that stops in the middle."""
    stage.simulator.fail_next(FaultKind.HANG_MID_STREAM)
    stage.late(stage.ask("plain"), IDLE, IDLE_S)


@pytest.mark.parametrize("ping", [b": ping\n\n", b'event: ping\ndata: {"type":"ping"}\n\n'])
def test_pings_after_content(stage: Stage, ping: bytes) -> None:
    """What is sent only to keep a connection open is no speech."""
    stage.odd.says(events(ROLE, WORD, *[ping] * 200, WORD, END))
    began = time.monotonic()
    blocks = _broken(stage, stage.ask("odd", stream=True).body, IDLE)

    assert IDLE_S - EARLY_S <= time.monotonic() - began < IDLE_S + SLACK_S
    assert blocks.count(WORD.strip()) == 1


def test_a_slow_stream_is_no_dead_one(stage: Stage) -> None:
    """Each event begins the silence anew, also one among pings."""
    slow = [piece for _ in range(6) for piece in (*[b": ping\n\n"] * 10, WORD)]
    stage.odd.says(events(ROLE, WORD, *slow, END))
    began = time.monotonic()
    answer = stage.ask("odd", stream=True)

    assert answer.body.count(WORD) == 7
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert b'"error"' not in answer.body
    assert time.monotonic() - began > IDLE_S


@pytest.mark.parametrize(
    ("model", "limit_s"), [("plain", TOTAL_S), ("own-total", OWN["own-total"]["total_s"])]
)
def test_the_total_of_a_stream(stage: Stage, model: str, limit_s: float) -> None:
    """A stream that never ends is ended, however lively it is."""
    stage.simulator.fail_next(FaultKind.ENDLESS, chunk_interval_ms=5)
    began = time.monotonic()
    blocks = _broken(stage, stage.ask(model, stream=True).body, TOTAL)

    assert limit_s - EARLY_S <= time.monotonic() - began < limit_s + SLACK_S
    assert len(blocks) > 10


def test_the_total_of_a_whole_answer(stage: Stage) -> None:
    """So is an answer in one piece."""
    stage.simulator.fail_next(FaultKind.ENDLESS, chunk_interval_ms=5)
    stage.late(stage.ask("own-total"), TOTAL, OWN["own-total"]["total_s"])


@BOTH
def test_longer_limits_of_a_document(stage: Stage, *, stream: bool) -> None:
    """They take the place of the settings in both directions."""
    stage.simulator.fail_next(FaultKind.TIMING, delay_ms=(FIRST_S + 0.4) * 1000)
    assert stage.ask("own-all", stream=stream).status == 200


@BOTH
def test_whose_limit_it_was(stage: Stage, *, stream: bool) -> None:
    """The client's own limit is named as such: the provider had more time."""
    stage.simulator.fail_next(FaultKind.HANG_BEFORE_HEADERS)
    answer = stage.ask("own-all", b"x-stainless-read-timeout: 0.4", stream=stream)
    stage.late(answer, FIRST, 0.4)

    assert "the client's own limit" in answer.error["message"]


def test_the_limit_of_the_gateway_is_its_own(stage: Stage) -> None:
    """A client that waits longer than the gateway is not named."""
    stage.simulator.fail_next(FaultKind.HANG_BEFORE_HEADERS)
    answer = stage.ask("plain", b"x-stainless-read-timeout: 600")

    assert answer.error["code"] == FIRST
    assert "client" not in answer.error["message"]


@pytest.mark.parametrize("status", [408, 504])
def test_a_timeout_of_the_provider(stage: Stage, status: int) -> None:
    """What the provider says itself has the word that it always had."""
    stage.simulator.fail_next(FaultKind.STATUS, status=status)

    assert stage.ask("plain").error["code"] == "upstream_timeout"
