"""Answers that bend HTTP or JSON: bytes that a simulator of a vendor would never send."""

import json
import time

import pytest

from tests.api.raw import Answer
from tests.api.upstream_faults import scripted
from tests.api.upstream_faults.conftest import INPUT_NANO, OUTPUT_NANO, Stage
from tests.api.upstream_faults.scripted import PAUSE_S, http

MESSAGE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
COMPLETION = json.dumps({"id": "x", "object": "chat.completion", "choices": [MESSAGE]}).encode()
CONTENT = b'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def _with_usage(usage: object) -> bytes:
    return json.dumps({"choices": [MESSAGE], "usage": usage}).encode()


def _ask(stage: Stage, *, stream: bool = False) -> Answer:
    return stage.ask("odd", stream=stream)


KEPT = {
    "lower-case": http(COMPLETION).replace(b"content-length", b"Content-LENGTH"),
    "no-reason-phrase": http(COMPLETION).replace(b"200 OK", b"200"),
    "an-interim-answer": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + http(COMPLETION),
    "two-interim-answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + http(COMPLETION),
    "chunked": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(COMPLETION), COMPLETION),
    "with-trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n0\r\nx-sum: 1\r\n\r\n" % (len(COMPLETION), COMPLETION),
    "200-headers": http(COMPLETION, *(b"x-%d: y" % number for number in range(200))),
    "no-content-type": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b"
    % (len(COMPLETION), COMPLETION),
}


@pytest.mark.parametrize("data", KEPT.values(), ids=KEPT)
def test_odd_but_right(stage: Stage, data: bytes) -> None:
    """What is HTTP/1.1 is read, the body passes to the byte, and the connection is used again."""
    before = stage.odd.connections
    stage.odd.says(data, data)
    for _ in range(2):
        answer = _ask(stage)
        assert (answer.status, answer.body) == (200, COMPLETION)
        assert answer.header("content-type") == "application/json"
    stage.settled(2)

    assert stage.odd.connections <= before + 1


CLOSED = {
    "to-the-end-of-the-connection": b"HTTP/1.1 200 OK\r\n\r\n" + COMPLETION,
    "http-1.0": b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + COMPLETION,
    "a-farewell": http(COMPLETION, b"connection: close"),
}


@pytest.mark.parametrize("data", CLOSED.values(), ids=CLOSED)
def test_answers_that_end_with_the_connection(stage: Stage, data: bytes) -> None:
    """An answer without a length is as long as its connection."""
    stage.odd.says(data, data, closes=True)
    for _ in range(2):
        answer = _ask(stage)
        assert (answer.status, answer.body) == (200, COMPLETION)
    stage.settled(2)


BROKEN = {
    "no-http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "http-2": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff",
    "a-tls-alert": bytes.fromhex("15030300020246"),
    "no-status": b"HTTP/1.1\r\n\r\n",
    "a-word-as-status": b"HTTP/1.1 two hundred\r\n\r\n",
    "a-negative-length": http(COMPLETION).replace(b"length: ", b"length: -"),
    "two-lengths": http(COMPLETION, b"content-length: 5"),
    "a-length-and-chunks": http(COMPLETION, b"transfer-encoding: chunked"),
    "a-huge-length": http(COMPLETION).replace(b"length: ", b"length: 99999999999999999999"),
    "300-headers": http(COMPLETION, *(b"x-%d: y" % number for number in range(300))),
    "a-line-feed-in-a-header": http(COMPLETION, b"x-request-id: a\nx-evil: 1"),
    "nul-in-a-header": http(COMPLETION, b"x-request-id: a\0b"),
    "another-protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n"
    b"connection: upgrade\r\n\r\nwhatever",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_is_not_http(stage: Stage, data: bytes, *, stream: bool) -> None:
    """Bytes that are no answer are a 502, and the connection is not used again."""
    stage.odd.says(data, http(COMPLETION), closes=False)
    answer = _ask(stage, stream=stream)
    stage.failed(answer, 502, "upstream_error")

    assert answer.header("x-evil") is None
    assert _ask(stage).body == COMPLETION
    stage.settled(2)


UNASKED = {
    "a-whole-answer": http(b'{"choices":[],"id":"of nobody"}'),
    "half-an-answer": http(b'{"choices":[],"id":"of nobody"}')[:-5],
    "half-a-head": http(b'{"choices":[],"id":"of nobody"}')[:30],
    "half-a-status": b"HTTP/1.1 20",
    "a-late-timeout": http(b"", status=b"408 Request Timeout"),
    "garbage": b"\0\1\2",
}


@pytest.mark.parametrize("behind", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize("together", [True, False], ids=["together", "later"])
def test_answers_that_nobody_asked_for(stage: Stage, behind: bytes, *, together: bool) -> None:
    """What follows an answer is never the next caller's answer; at worst that one fails."""
    first = (http(COMPLETION) + behind,) if together else (http(COMPLETION), behind)
    stage.odd.says(first, http(COMPLETION), http(COMPLETION))
    assert _ask(stage).body == COMPLETION
    time.sleep(0 if together else 5 * PAUSE_S)
    answer = _ask(stage)

    assert b"of nobody" not in answer.body
    assert answer.body == COMPLETION or answer.status == 502
    assert _ask(stage).body == COMPLETION
    stage.settled(3)


USAGES = {
    "none": None,
    "empty": {},
    "a-string": "many",
    "a-list": [1, 2],
    "null-counts": {"prompt_tokens": None, "completion_tokens": None},
    "strings": {"prompt_tokens": "5", "completion_tokens": "5"},
    "decimals": {"prompt_tokens": 5.5, "completion_tokens": 5},
    "only-output": {"completion_tokens": 5},
    "odd-details": {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": 7},
}


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
def test_odd_usage(stage: Stage, usage: object) -> None:
    """An answer whose usage makes no sense is still an answer; it is charged by an estimate."""
    body = _with_usage(usage)
    stage.odd.says(http(body))
    answer = _ask(stage)
    [line] = stage.settled()

    assert (answer.status, answer.body) == (200, body)
    assert line["outcome"] == "finished"
    assert line["usage"][-1] is True
    assert line["cost_nano"] > 0


COUNTS = {
    "negative": ({"prompt_tokens": -5, "completion_tokens": -7}, 0, 0),
    "more-cached-than-there-are": (
        {
            "prompt_tokens": 5,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": -3},
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
        5,
        2,
    ),
    "beyond-64-bits": ({"prompt_tokens": 10**25, "completion_tokens": 2}, 10**25, 2),
    "unknown-counts": ({"prompt_tokens": 5, "completion_tokens": 2, "x": [{}]}, 5, 2),
}


@pytest.mark.parametrize(("usage", "tokens_in", "tokens_out"), COUNTS.values(), ids=COUNTS)
def test_odd_counts(stage: Stage, usage: object, tokens_in: int, tokens_out: int) -> None:
    """Counts are cut so that the parts add up to what was said, and none is negative."""
    stage.odd.says(http(_with_usage(usage)))
    assert _ask(stage).status == 200
    [line] = stage.settled()
    *counts, estimated = line["usage"]

    assert estimated is False
    assert all(count >= 0 for count in counts)
    assert (sum(counts[:3]) + counts[5], sum(counts[3:5]) + counts[6]) == (tokens_in, tokens_out)
    assert line["cost_nano"] == tokens_in * INPUT_NANO + tokens_out * OUTPUT_NANO


COUNTED = CONTENT.replace(b"}]}\n", b'}],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n')
LIKE_THE_END = CONTENT.replace(b"hello", b"data: [DONE] error")
STREAMS = {
    "comments": ((b": hello\n\n", CONTENT, b":\n\n", FINISH), (DONE,)),
    "other-fields": ((b"retry: 10\n\n", b"id: 7\n" + CONTENT, FINISH), (DONE,)),
    "no-space": ((CONTENT.replace(b": {", b":{"), FINISH), (b"data:[DONE]\n\n",)),
    "usage-in-every-event": ((COUNTED, COUNTED, FINISH), (DONE,)),
    "words-that-look-like-the-end": ((LIKE_THE_END, FINISH), (DONE,)),
    "errors-that-are-null": ((CONTENT.replace(b'{"ch', b'{"error":null,"ch'), FINISH), (DONE,)),
    "something-behind-the-end": ((CONTENT, FINISH), (DONE, CONTENT * 10)),
    "the-end-twice": ((CONTENT, FINISH), (DONE + DONE,)),
    "one-piece": ((), (CONTENT + FINISH + DONE,)),
}


@pytest.mark.parametrize(("before", "end"), STREAMS.values(), ids=STREAMS)
def test_odd_streams(stage: Stage, before: tuple[bytes, ...], end: tuple[bytes, ...]) -> None:
    """What the standard allows in a stream passes; its end is written once, nothing behind it."""
    stage.odd.says(scripted.events(*before, *end))
    answer = _ask(stage, stream=True)

    assert answer.body == (b"".join(before) or CONTENT + FINISH) + DONE
    assert stage.settled()[0]["outcome"] == "finished"


def test_an_event_without_end(stage: Stage) -> None:
    """An event that grows beyond all bounds is a failure, not memory."""
    piece = b"x" * 1_000_000
    stage.odd.says(scripted.events(CONTENT, b"data: ", *[piece] * 24))
    answer = _ask(stage, stream=True)

    assert answer.body.endswith(DONE)
    assert b"an event of more than" in answer.body
    assert stage.settled()[0]["outcome"] == "failed"
