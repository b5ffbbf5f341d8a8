"""Failures after the first content: an error frame and `[DONE]`, and a charge for what was said."""

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.raw import CHAT, HELLO, Answer, connected, exchange, post
from tests.api.upstream_faults import scripted
from tests.api.upstream_faults.conftest import (
    DONE,
    HOLD_S,
    IDLE_S,
    INPUT_NANO,
    KEEP_ALIVE_S,
    OUTPUT_NANO,
    STREAM,
    TICK_S,
    Stage,
)
from tests.simulators.faults import FaultKind

EVENTS = (("content-type", "text/event-stream"),)
COMMENT = b": keep-alive"


def _events(answer: Answer) -> list[dict[str, Any]]:
    """The events of a stream that ends as it must: whole, in `[DONE]`, once."""
    assert answer.status == 200
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    blocks = answer.body.split(b"\n\n")
    assert blocks.pop() == b""
    assert blocks.pop() == DONE.strip()
    data = [block for block in blocks if block != COMMENT]
    assert all(block.startswith(b"data: ") for block in data)
    return [json.loads(block.removeprefix(b"data: ")) for block in data]


def _broken(stage: Stage, answer: Answer, code: str) -> list[dict[str, Any]]:
    """Check a stream that failed after content; return the events before the error."""
    *events, last = _events(answer)
    assert set(last) == {"error"}
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert last["error"]["code"] == code
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", code)
    assert [each["error"] for each in line["attempts"]] == [code]
    assert line["first_content_s"] > 0
    tokens_in, tokens_out, estimated = line["usage"][0], line["usage"][3], line["usage"][-1]
    assert estimated is True
    assert tokens_in > 0 < tokens_out
    assert line["cost_nano"] == tokens_in * INPUT_NANO + tokens_out * OUTPUT_NANO
    return events


CUT = {
    FaultKind.CUT_MID_STREAM: "upstream_connection_lost",
    FaultKind.RESET_MID_STREAM: "upstream_connection_lost",
    FaultKind.ERROR_FRAME: "upstream_error",
    FaultKind.HANG_MID_STREAM: "upstream_idle_timeout",
}


@pytest.mark.parametrize("kind", CUT)
def test_cut_in_mid_stream(stage: Stage, kind: FaultKind) -> None:
    """What had arrived is handed over, then an error frame says that it is not all."""
    stage.first.fail_next(kind, after_events=3, chunk_interval_ms=20)
    events = _broken(stage, stage.ask("plain", stream=True), CUT[kind])

    assert events[0]["choices"][0]["delta"]["content"] == ""
    assert 2 <= len(events) <= 3


def test_a_stream_never_moves_after_content(stage: Stage) -> None:
    """After the first content no other deployment is asked to go on with the answer."""
    for upstream in (stage.first, stage.second):
        upstream.fail_next(FaultKind.CUT_MID_STREAM, after_events=3, chunk_interval_ms=20)
    _broken(stage, stage.ask("pair", stream=True), "upstream_connection_lost")

    assert len(stage.first.requests) + len(stage.second.requests) == 1


def test_a_stream_that_falls_silent(stage: Stage) -> None:
    """Silence between events is kept alive by comments and ends at the idle limit."""
    stage.first.fail_next(FaultKind.HANG_MID_STREAM, after_events=3, chunk_interval_ms=20)
    answer = stage.ask("plain", stream=True)
    _broken(stage, answer, "upstream_idle_timeout")

    assert 1 <= answer.body.count(COMMENT) <= IDLE_S / KEEP_ALIVE_S + 1
    record = stage.first.requests[0]
    assert within(5.0, lambda: record.disconnected_after_ms is not None)


def test_the_end_without_done(stage: Stage) -> None:
    """A stream that had finished but forgets `[DONE]` is complete, with its usage."""
    stage.first.fail_next(FaultKind.NO_DONE)
    events = _events(stage.ask("plain", stream=True))
    [line] = stage.settled()

    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert (line["outcome"], line["usage"][-1]) == ("finished", False)


@pytest.mark.parametrize("kind", [FaultKind.SSE_COMMENTS, FaultKind.SSE_CRLF, FaultKind.SLOW_DRIP])
def test_other_ways_to_send_events(stage: Stage, kind: FaultKind) -> None:
    """Comments, other line ends and any cutting give the same events and the same charge."""
    usual = _events(stage.ask("plain", stream=True))
    stage.first.fail_next(kind, drip_bytes=97)
    answer = stage.ask("plain", stream=True)
    first, second = stage.settled(2)

    blocks = answer.body.replace(b"\r\n", b"\n").replace(b": ping\n\n", b"").split(b"\n\n")
    assert [json.loads(block[6:]) for block in blocks[:-2]] == usual
    assert (first["usage"], first["cost_nano"]) == (second["usage"], second["cost_nano"])


@pytest.mark.parametrize("asked", [b"", b',"stream_options":{"include_usage":true}'])
def test_usage_is_shown_to_who_asked(stage: Stage, asked: bytes) -> None:
    """The usage event that only the gateway asked for is taken out; the charge is the same."""
    body = b'{"model":"plain","messages":%b,"stream":true%b}' % (HELLO, asked)
    events = _events(exchange(stage.gateway.url, post(body)))
    [line] = stage.settled()

    assert stage.first.requests[0].json["stream_options"]["include_usage"] is True
    assert bool(asked) is any(event.get("usage") for event in events)
    assert bool(asked) is any(event["choices"] == [] for event in events)
    assert line["usage"][-1] is False


TAILS = {
    "nothing": b"",
    "half-an-event": b'data: {"choices":[{"ind',
    "an-event-without-its-end": b'data: {"choices":[{"delta":{"content":"x"}}]}',
}
CONTENT = b'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_the_end_without_a_finish(stage: Stage, tail: bytes) -> None:
    """A body that ends in good order before the provider said why is a failure, not an answer."""
    stage.first.fail_next("status", status=200, headers=EVENTS, body=CONTENT + tail)
    events = _broken(stage, stage.ask("plain", stream=True), "upstream_error")

    assert [event["choices"][0]["delta"] for event in events] == [{"content": "hello"}]


ERRORS = {
    "openai": b'data: {"error":{"message":"Too bad.","type":"server_error","code":null}}\n\n',
    "spaces": b'data:   { "error" : { "message" : "Too bad." } }\n\n',
    "named": b'event: error\ndata: {"message":"Too bad.","code":null}\n\n',
    "a-word": b'data: {"error":"Too bad."}\n\n',
    "behind-other-fields": b'data: {"id":"x","choices":[],"error":{"message":"Too bad."}}\n\n',
    "a-list": b'data: [{"error":{"message":"Too bad.","code":503}}]\n\n',
    "odd-code": b'data: {"error":{"message":"Too bad.","code":{"a":1}}}\n\n',
}


@pytest.mark.parametrize("frame", ERRORS.values(), ids=ERRORS)
def test_error_events(stage: Stage, frame: bytes) -> None:
    """However a provider reports an error inside of its stream, both SDKs see one they raise on."""
    stage.odd.says(scripted.events(CONTENT, CONTENT * 2, frame))
    *said, last = _events(stage.ask("odd", stream=True))

    assert len(said) == 3
    assert last["error"]["message"].startswith("Too bad.")
    [line] = stage.settled()
    assert line["outcome"] == "failed"
    assert line["cost_nano"] > 0


def test_the_status_is_held_until_the_content(stage: Stage) -> None:
    """Before the hold ends nothing is sent; after it 200 and comments go out, then the content."""
    stage.first.fail_next(delay_ms=(HOLD_S + 0.4) * 1000)
    with connected(stage.gateway.url) as wire:
        wire.send(post(b'{"model":"plain","messages":%b,%b}' % (HELLO, STREAM)))
        wire.socket.settimeout(HOLD_S * 0.6)
        with pytest.raises(TimeoutError):
            wire.socket.recv(1)
        wire.socket.settimeout(5)
        answer = wire.answer()
    events = _events(answer)

    assert answer.body.startswith(COMMENT)
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert stage.settled()[0]["outcome"] == "finished"


@pytest.mark.parametrize("kind", [FaultKind.HANG_BEFORE_HEADERS, FaultKind.HANG_AFTER_HEADERS])
def test_a_failure_after_the_hold_is_a_frame(stage: Stage, kind: FaultKind) -> None:
    """When the status had to go out, the failure is an error frame; nothing is charged."""
    stage.first.fail_next(kind)
    answer = stage.ask("plain", stream=True)
    *events, last = _events(answer)

    assert events == []
    assert last["error"]["code"] == "upstream_first_token_timeout"
    assert answer.body.startswith(COMMENT)
    [line] = stage.settled()
    assert (line["outcome"], line["cost_nano"]) == ("failed", 0)


def test_failover_after_the_hold(stage: Stage) -> None:
    """Until the first content another deployment may answer, also behind comments."""
    stage.first.fail_next(FaultKind.HANG_AFTER_HEADERS, times=None)
    answers = [stage.ask("pair", stream=True) for _ in range(2)]

    for answer in answers:
        assert _events(answer)[-1]["choices"][0]["finish_reason"] == "stop"
    assert [line["outcome"] for line in stage.settled(2)] == ["finished", "finished"]


def test_comments_while_the_provider_thinks(stage: Stage) -> None:
    """A pause between events that is shorter than the idle limit is filled with comments."""
    stage.first.fail_next(chunk_interval_ms=(KEEP_ALIVE_S + TICK_S + 0.1) * 1000)
    short = b'{"model":"plain","messages":%b,"max_tokens":1,%b}' % (HELLO, STREAM)
    answer = exchange(stage.gateway.url, post(short))

    assert answer.body.count(COMMENT) >= 3
    assert _events(answer)[-1]["choices"][0]["finish_reason"] == "length"


def test_events_are_handed_over_one_by_one(stage: Stage) -> None:
    """An event reaches the client when it arrives, not when the next one does."""
    stage.first.fail_next(chunk_interval_ms=120)
    with connected(stage.gateway.url) as wire:
        wire.send(post(b'{"model":"plain","messages":%b,%b}' % (HELLO, STREAM), path=CHAT))
        seen = []
        while b"[DONE]" not in (line := wire.line()):
            if line.startswith(b"data: "):
                seen.append(stage.first.requests[0].elapsed_ms)

    gaps = [later - sooner for sooner, later in pairwise(seen[1:])]
    assert len(gaps) >= 4
    assert min(gaps) > 60
