"""What the load asks and expects, and how it reads what tools say."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.load import asks, books, tools
from tests.load.asks import Chunks

ROOT = Path(__file__).parents[2]
AB = """Server Software:
Complete requests:      1000
Failed requests:        2
Non-2xx responses:      3
Time taken for tests:   2.500 seconds
Requests per second:    400.00 [#/sec] (mean)
Percentage of the requests served within a certain time (ms)
  50%     12
  66%     14
  95%     30
  99%     45
 100%    112 (longest request)
"""


def event(**fields: object) -> bytes:
    """One event."""
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def delta(content: str, finish_reason: str | None = None) -> bytes:
    """One event of a completion."""
    return event(choices=[{"delta": {"content": content}, "finish_reason": finish_reason}])


WORD, LAST, DONE = delta("word"), delta("", "stop"), b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([WORD, LAST, DONE], None),
        ([b": ping\n\n", WORD, LAST, event(choices=[], usage={}), DONE], None),
        ([WORD, LAST], "a stream without [DONE]"),
        ([WORD, DONE], "a stream without finish_reason"),
        ([LAST, DONE], "a stream without content"),
        ([WORD, LAST, DONE, WORD], "an event after [DONE]"),
        ([event(error={"code": "upstream_error"})], "an error in the stream: upstream_error"),
        ([event(object="x")], "a body of another shape: KeyError"),
    ],
)
def test_a_stream(events: list[bytes], wrong: str | None) -> None:
    """It is good only from its content to its end."""
    chunks = Chunks()

    def read() -> str | None:
        for each in events:
            if (found := chunks.take(each)) is not None:
                return found
        return chunks.wrong()

    assert asks.judged(read) == wrong


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{}]}'])
def test_another_shape(body: bytes) -> None:
    """It is a failure, not an exception."""
    wrong = asks.judged(lambda: asks.wrong_chat(body, {}))
    assert wrong is not None
    assert wrong.startswith("a body of another shape")


def test_a_refusal() -> None:
    """It is named by OpenAI's code, so that equal ones are counted together."""
    assert asks.refused(429, b'{"error":{"code":"rate_limit_exceeded"}}') == (
        "status 429: rate_limit_exceeded"
    )
    assert asks.refused(502, b"<html>") == "status 502: a body that is no error of OpenAI's"


def test_speech_is_sound() -> None:
    """An error as JSON is not heard as sound."""
    assert asks.wrong_speech(b"x", {"content-type": "audio/mpeg"}) is None
    assert asks.wrong_speech(b"x", {"content-type": "application/json"}) is not None
    assert asks.wrong_speech(b"", {"content-type": "audio/mpeg"}) == "speech of no bytes"


@pytest.mark.parametrize("value", ["many", "-1"])
def test_a_bad_variable_is_named(value: str) -> None:
    """It ends the program, with the name of the variable."""
    done = subprocess.run(
        [sys.executable, "-c", "from tests.load import asks; asks.share('CHAT', 4)"],
        env={**os.environ, "LOAD_WEIGHT_CHAT": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "LOAD_WEIGHT_CHAT" in done.stderr
    assert "Traceback" not in done.stderr


def test_ab_is_read() -> None:
    """Failures are those of connections and those by status."""
    row = tools.row_of_ab(AB)
    assert (row.calls, row.failures, row.seconds) == (1000, 5, 2.5)
    assert (row.p50_ms, row.p95_ms, row.p99_ms) == (12, 30, 45)
    with pytest.raises(tools.ToolError, match="seconds"):
        tools.row_of_ab(AB.replace("Time taken", "It took"))
    with pytest.raises(tools.ToolError, match="percentiles"):
        tools.row_of_ab(AB.replace("99%", "98%"))


def test_percentiles() -> None:
    """They are of counts by milliseconds, as locust prints them."""
    times = {10: 90, 20: 5, 100: 4, 900: 1}
    shares = {0.5: 10, 0.9: 20, 0.95: 100, 0.99: 900}
    assert {share: tools.percentile(times, share) for share in shares} == shares
    assert tools.percentile({}, 0.5) == 0
    assert tools.percentile({7: 1}, 0.99) == 7


def test_counts_are_compared() -> None:
    """One that is missing differs, and so does one too many, unless it may be there."""
    sent = Counter({"ChatCompletion": 10})
    assert books.differences("here", sent, Counter(sent)) == []
    assert books.differences("here", sent, {"ChatCompletion": 12}, more=2) == []
    [less] = books.differences("here", sent, {"ChatCompletion": 9}, more=2)
    assert str(less) == "here has 9 of ChatCompletion, sent were 10"
    assert len(books.differences("here", sent, {"ChatCompletion": 10, "embeddings": 1})) == 1


def test_the_page_names_every_variable_and_option() -> None:
    """docs/load-tests.md tells of all that the locustfile and its objectives read."""
    page = (ROOT / "docs/load-tests.md").read_text("utf-8")
    kinds = ("CHAT", "STREAM", "EMBEDDINGS", "SPEECH", "TRANSCRIPTION")
    names = {f"LOAD_WEIGHT_{kind}" for kind in kinds}
    names |= {f"LOAD_MODEL_{kind}" for kind in kinds if kind != "STREAM"}
    code = "".join(
        (ROOT / "tests" / name).read_text() for name in ("locustfile.py", "load/asks.py")
    )
    names |= set(re.findall(r"\b(?:LOAD|LLMPROXY)_[A-Z_]*[A-Z]\b", code)) - {
        "LOAD_MODEL",
        "LOAD_WEIGHT",
    }
    assert {name for name in names if f"`{name}`" not in page} == set()
    for option in ("p95-ms", "first-event-p95-ms", "errors-percent"):
        assert f"| `--slo-{option}` |" in page


def test_the_metrics_are_read() -> None:
    """Calls are added up by operation over all other labels."""
    text = (
        'llmproxy_request_duration_seconds_count{model="a",operation="embeddings",x="1"} 2\n'
        'llmproxy_request_duration_seconds_count{operation="embeddings",model="b"} 3\n'
        'llmproxy_request_duration_seconds_sum{operation="embeddings",model="b"} 3.5\n'
    )
    assert books.counted(text) == {"embeddings": 5}
