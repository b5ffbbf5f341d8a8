"""Answers of a provider with bytes spoiled by chance: an answer, or a failure in the envelope."""

import json

import pytest

from tests.api.raw import Answer
from tests.api.spoiling import Spoiler
from tests.api.upstream_faults.conftest import DONE, Stage
from tests.api.upstream_faults.scripted import events, http

COUNT = 200
CONTENT = b'data: {"choices":[{"index":0,"delta":{"content":"Ol\xc3\xa1"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
COMPLETION = (
    b'{"id":"x","choices":[{"index":0,"message":{"content":"Ol\xc3\xa1"}}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}'
)
ERROR = b'{"error":{"message":"No \xc3\xa1","code":"x","type":"y","param":"z"}}'
FAILURES = [
    http(ERROR, b"retry-after: 5", status=b"429 Too Many Requests"),
    http(ERROR, status=b"400 Bad Request"),
    http(ERROR, status=b"500 Internal Server Error"),
]
PLAIN = [http(COMPLETION), b"HTTP/1.1 100 Continue\r\n\r\n" + http(COMPLETION), *FAILURES]
STREAMED = [b"".join(events(CONTENT, CONTENT, FINISH, USAGE, DONE)), *FAILURES]


def _check(answer: Answer, *, stream: bool) -> None:
    """An answer is whole, in its shape, and never a crash."""
    assert answer.status in {200, 400, 409, 413, 422, 429, 502, 504}
    if answer.status != 200:
        assert {"message", "type", "param", "code"} <= set(json.loads(answer.body)["error"])
    elif stream:
        assert answer.body.endswith(DONE)
    else:
        assert b'"choices"' in answer.body


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_spoiled_answers(stage: Stage, *, stream: bool) -> None:
    """Whatever arrives, the client gets a whole answer of ours, and the call is settled once."""
    spoiler = Spoiler(seed=2)
    good = STREAMED if stream else PLAIN
    for number in range(COUNT):
        stage.odd.says(spoiler.spoil(good[number % len(good)]), closes=True)
        _check(stage.ask("odd", stream=stream), stream=stream)
    lines = stage.settled(COUNT)

    assert len({line["request_id"] for line in lines}) == COUNT
    assert {line["outcome"] for line in lines} == {"finished", "failed", "refused"}
    assert all(line["cost_nano"] >= 0 for line in lines)
