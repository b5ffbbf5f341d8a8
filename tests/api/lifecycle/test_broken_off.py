"""What has not ended in time: it is told the truth, and stands in the ledger as what it was."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from tests.api.asking import within
from tests.api.lifecycle.stage import (
    EARLY_S,
    arrived,
    asked,
    client_of,
    end_of,
    outcomes,
    stage,
    tag,
    tell,
)
from tests.api.raw import chat, connected, post
from tests.api.realtime.raw_socket import talking
from tests.simulators.operations.speech import FORMATS

TIMEOUT_S = 1.0
BROKEN_OFF = ("interrupted", "gateway_stopping")
SETTINGS = {"DRAIN_DELAY_S": "0.1", "SHUTDOWN_TIMEOUT_S": str(TIMEOUT_S)}
ENDS_S = TIMEOUT_S + 10


def test_a_provider_that_never_answers(tmp_path: Path) -> None:
    """A call in one piece is a 503 that may be tried again, elsewhere."""
    with stage(tmp_path, **SETTINGS) as there, client_of(there) as client:
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(
                client.chat.completions.create, **asked("silent "), extra_headers=tag("silent")
            )
            assert within(5, lambda: arrived(there, "silent ") == 1)
            told_at = tell(there)
            with pytest.raises(openai.InternalServerError) as raised:
                call.result()
        assert time.monotonic() - told_at > TIMEOUT_S - EARLY_S
        assert (raised.value.status_code, raised.value.code) == (503, "gateway_stopping")
        assert raised.value.response.headers["x-should-retry"] == "true"
        assert raised.value.response.headers["connection"] == "close"
        assert end_of(there, ENDS_S) == 0
        assert outcomes(there) == {"silent": BROKEN_OFF}


def test_a_stream_that_is_stuck(tmp_path: Path) -> None:
    """Its client gets the error as an event, on which the SDK raises."""
    with stage(tmp_path, **SETTINGS) as there, client_of(there) as client:
        stream = client.chat.completions.create(
            **asked("stuck with more words"), stream=True, extra_headers=tag("stuck")
        )
        next(stream)
        tell(there)
        with pytest.raises(openai.APIError) as raised:
            list(stream)
        assert raised.value.code == "gateway_stopping"
        assert end_of(there, ENDS_S) == 0
        assert outcomes(there) == {"stuck": BROKEN_OFF}


def test_the_bytes_of_a_stream_that_is_stuck(tmp_path: Path) -> None:
    """The event stands between whole events, `[DONE]` behind it, and the body is complete."""
    body = chat(b'"stream":true', b"mini").replace(b"hello there", b"stuck with more words")
    with stage(tmp_path, **SETTINGS) as there, connected(there.url) as wire:
        wire.send(post(body))
        assert within(5, lambda: arrived(there, "stuck ") == 1)
        time.sleep(0.2)
        tell(there)
        events = wire.answer().body.split(b"\n\n")
        assert b"gateway_stopping" in events[-3]
        assert events[-2:] == [b"data: [DONE]", b""]
        assert all(event.startswith(b"data: {") for event in events[:-2])
        assert wire.ends()
        assert end_of(there, ENDS_S) == 0


def test_speech_for_an_old_client(tmp_path: Path) -> None:
    """Bytes without chunks could look complete: the connection is reset, not closed."""
    body = json.dumps({"model": "voice", "input": "stuck here", "voice": "coral"}).encode()
    request = post(body, b"x-llmproxy-tag: stuck", path=b"/v1/audio/speech")
    with stage(tmp_path, **SETTINGS) as there, connected(there.url) as wire:
        wire.send(request.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        status, headers = wire.head()
        assert (status, dict(headers).get("transfer-encoding")) == (200, None)
        assert wire.take(4) == FORMATS["mp3"][1]
        tell(there)
        with pytest.raises(ConnectionResetError):
            wire.rest()
        assert end_of(there, ENDS_S) == 0
        assert outcomes(there) == {"stuck": BROKEN_OFF}


def test_a_client_that_reads_nothing(tmp_path: Path) -> None:
    """It cannot be told; it holds up the end by seconds, and its call has its row."""
    body = chat(b'"stream":true', b"mini").replace(b"hello there", b"stuck " + b"word " * 20_000)
    request = post(body, b"x-llmproxy-tag: unread")
    with stage(tmp_path, **SETTINGS) as there, connected(there.url, window_bytes=2048) as wire:
        there.simulators[0].faults.rules.clear()
        there.simulators[1].faults.rules.clear()
        wire.send(request)
        assert within(5, lambda: arrived(there, "stuck ") == 1)
        time.sleep(0.5)
        tell(there)
        assert end_of(there, ENDS_S + 10) == 0
        assert outcomes(there)["unread"] in {BROKEN_OFF, ("finished", None)}


def test_a_realtime_session(tmp_path: Path) -> None:
    """It goes on through the delay and the timeout, then is closed with 1012, service restart."""
    with stage(tmp_path, **SETTINGS) as there:
        there.simulators[0].fail_next("hang_mid_stream", path="/realtime", after_events=5)
        with talking(there.url) as session:
            assert session.event()["type"] == "session.created"
            told_at = tell(there)
            time.sleep(0.5)
            session.say(type="response.create")
            assert session.event()["type"] == "response.created"
            code, reason = session.closed()
            assert time.monotonic() - told_at > TIMEOUT_S - EARLY_S
            assert (code, reason) == (1012, "The gateway is restarting.")
            assert session.wire.ends()
        assert end_of(there, ENDS_S) == 0
        rows = [(row["outcome"], row["error"], row["estimated"]) for row in there.rows()]
        assert rows == [(*BROKEN_OFF, 1)]


def test_an_upload_that_stops(tmp_path: Path) -> None:
    """A body that does not come to its end is answered 503 too; nothing was admitted: no row."""
    with stage(tmp_path, **SETTINGS) as there, connected(there.url) as wire:
        wire.send(post(chat(model=b"mini"))[:-3])
        time.sleep(0.2)
        tell(there)
        answer = wire.answer()
        assert (answer.status, answer.error["code"]) == (503, "gateway_stopping")
        assert wire.ends()
        assert end_of(there, ENDS_S) == 0
        assert outcomes(there) == {}
