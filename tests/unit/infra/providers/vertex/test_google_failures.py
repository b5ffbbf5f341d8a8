"""Google's errors, by their status."""

import json
from typing import Any

import pytest

from llmproxy.domain.errors import (
    Broken,
    Busy,
    OwnFault,
    Refused,
    TimedOut,
    UpstreamError,
)
from llmproxy.infra.providers.vertex.failures import google_failure
from tests.unit.infra.providers.gemini.asking import (
    Json,
    answered,
    chat,
    framed,
    read_whole,
    reader,
)


def body(status: int, message: str = "No.", word: str = "X", **more: Any) -> bytes:  # noqa: ANN401
    error = {"code": status, "message": message, "status": word, **more}
    return json.dumps({"error": error}, indent=2).encode()


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
BILLING = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
FILTERED = "Prompt violates Google's Responsible AI practices."

STATUSES: list[tuple[int, bytes, type[UpstreamError], str | None]] = [
    (400, body(400), Refused, None),
    (400, body(400, TOO_LONG), Refused, "context_length_exceeded"),
    (400, body(400, FILTERED), Refused, "content_filter"),
    (400, body(400, "Go away.", "FAILED_PRECONDITION"), OwnFault, "upstream_misconfigured"),
    (400, b"<html>", OwnFault, "upstream_misconfigured"),
    (401, body(401), OwnFault, "upstream_credentials"),
    (403, body(403), OwnFault, "upstream_credentials"),
    (403, body(403, details=[BILLING]), OwnFault, "upstream_quota"),
    (404, body(404), OwnFault, "upstream_misconfigured"),
    (408, b"", TimedOut, "upstream_timeout"),
    (429, body(429), Busy, "rate_limit_exceeded"),
    (499, body(499), Broken, "upstream_error"),
    (500, b"[]", Broken, "upstream_error"),
    (503, b"null", Broken, "upstream_error"),
    (504, body(504), TimedOut, "upstream_timeout"),
]


@pytest.mark.parametrize(("status", "said", "kind", "code"), STATUSES)
@pytest.mark.parametrize("in_array", [False, True])
def test_statuses(
    status: int,
    said: bytes,
    kind: type[UpstreamError],
    code: str | None,
    in_array: bool,  # noqa: FBT001
) -> None:
    """The status decides; words only where it is ambiguous. An array of one is taken too."""
    made = google_failure(status, [], b"[%b]" % said if in_array else said)
    assert (type(made), made.code, made.upstream_status) == (kind, code, status)
    assert made.detail.startswith(f"HTTP {status}")


def test_how_long_to_wait() -> None:
    """A header says how long a limit lasts; without it, RetryInfo."""
    limited = google_failure(429, [], body(429, details=[BILLING, RETRY]))
    assert isinstance(limited, Busy)
    assert limited.retry_after_s == 12.5
    away = google_failure(503, [(b"retry-after", b"3")], body(503, details=[{"retryDelay": "x"}]))
    assert isinstance(away, Broken)
    assert away.retry_after_s == 3


def test_what_the_caller_reads() -> None:
    """The words of a refusal reach the caller in OpenAI's shape, but for the project's name."""
    made = google_failure(400, [], body(400, "No cachedContents in projects/secret-1/locations/x."))
    assert isinstance(made, Refused)
    assert made.error == {
        "message": "No cachedContents in projects/…/locations/x.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    hidden = google_failure(404, [], body(404, "Publisher Model `projects/secret-1/…` not found"))
    assert "secret-1" not in str(hidden)
    assert "secret-1" in hidden.detail


BLOCKED: Json = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "Bad."},
    "usageMetadata": {"promptTokenCount": 3},
}


def test_a_blocked_prompt() -> None:
    """A prompt that the filter stopped is a 400 with Azure's code, plain and streamed."""
    reading = reader()
    for ask in (lambda: answered(chat(), BLOCKED), lambda: reading.feed(framed([BLOCKED]))):
        with pytest.raises(Refused) as raised:
            ask()
        assert (raised.value.code, raised.value.upstream_status) == ("content_filter", 400)
        assert "PROHIBITED_CONTENT" in raised.value.message
        assert "Bad." in raised.value.message


UNWELL = [
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
]


@pytest.mark.parametrize("reason", UNWELL)
def test_no_end_is_made_up(reason: str) -> None:
    """An answer that the model wrote so that none can read it is an error, never a `stop`."""
    answer = {"candidates": [{"finishReason": reason, "finishMessage": "print(x"}]}
    reading = reader()
    for ask in (lambda: answered(chat(), answer), lambda: reading.feed(framed([answer]))):
        with pytest.raises(Broken, match=reason) as raised:
            ask()
        assert raised.value.detail == "print(x"


NO_ANSWERS: list[Json] = [
    {},
    {"candidates": []},
    {"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
    {"candidates": [{"content": {"parts": []}, "finishReason": "FINISH_REASON_UNSPECIFIED"}]},
    {"candidates": [{"content": {"parts": [{"functionCall": {}}]}, "finishReason": "STOP"}]},
    {"candidates": 5},
]


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=str)
def test_no_answer(answer: Json) -> None:
    """What is no complete answer is an error, plain and at the end of a stream."""
    with pytest.raises(Broken):
        answered(chat(), answer)
    reading = reader()
    with pytest.raises(Broken):
        read_whole(reading, [framed([answer])])


def test_an_error_with_status_200() -> None:
    """An error in a whole answer is what its code says."""
    with pytest.raises(Busy):
        answered(chat(), json.loads(body(429)))


SPOKEN = framed([{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}])
LATE = [
    body(429, details=[RETRY]),
    b"[" + body(429, details=[RETRY]) + b"]",
    b"data: " + json.dumps(json.loads(body(429, details=[RETRY]))).encode(),
    b"data: [" + json.dumps(json.loads(body(429, details=[RETRY]))).encode() + b"]",
]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_an_error_in_a_stream(late: bytes, end: bytes, size: int) -> None:
    """An error is found with `data:` or bare over several lines, ended or not, and cut anyhow."""
    reading = reader()
    data = SPOKEN + late + end
    with pytest.raises(Busy) as raised:
        read_whole(reading, [data[at : at + size] for at in range(0, len(data), size)])
    assert raised.value.retry_after_s == 12.5


def test_an_error_without_a_code() -> None:
    """An error that names no code is the provider's failure."""
    with pytest.raises(Broken):
        reader().feed(b'data: {"error": {"message": "x"}}\n\n')
