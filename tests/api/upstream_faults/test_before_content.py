"""Failures before the first content: always a real status, in the envelope, and never a charge."""

import json

import pytest

from tests.api.asking import within
from tests.api.upstream_faults.conftest import (
    DONE,
    EARLY_S,
    FIRST_BYTE_S,
    IDLE_S,
    INPUT_NANO,
    OUTPUT_NANO,
    Stage,
)
from tests.simulators.faults import FaultKind
from tests.simulators.runner import away

SLACK_S = 5.0
"""What a busy machine may add to a limit."""
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@BOTH
def test_without_a_failure(stage: Stage, *, stream: bool) -> None:
    """The usage that the provider reports is what is charged, streamed or not."""
    answer = stage.ask("plain", stream=stream)
    [line] = stage.settled()

    assert answer.status == 200
    assert answer.header("x-llmproxy-deployment") == "plain"
    tokens_in, *_, estimated = line["usage"]
    tokens_out = line["usage"][3]
    assert tokens_in > 0 < tokens_out
    assert estimated is False
    assert line["cost_nano"] == tokens_in * INPUT_NANO + tokens_out * OUTPUT_NANO
    assert (line["outcome"], line["error"]) == ("finished", None)
    [attempt] = line["attempts"]
    assert (attempt["deployment"], attempt["error"]) == ("plain", None)
    if stream:
        assert answer.body.endswith(b"\n\n" + DONE)
        assert answer.body.count(b"[DONE]") == 1
        assert line["first_content_s"] > 0
    else:
        usage = json.loads(answer.body)["usage"]
        assert [usage["prompt_tokens"], usage["completion_tokens"]] == [tokens_in, tokens_out]
        cost = float(answer.header("x-llmproxy-cost") or "nan")
        assert cost == pytest.approx(line["cost_nano"] / 1e9, abs=1e-9)


@BOTH
def test_refused_connection(stage: Stage, *, stream: bool) -> None:
    """An upstream that is not there is a 502 that says so."""
    with away(stage.first):
        answer = stage.ask("plain", stream=stream)
    stage.failed(answer, 502, "upstream_unreachable")

    assert stage.ask("plain", stream=stream).status == 200


LOST, NONSENSE = "upstream_connection_lost", "upstream_error"
BROKEN_ALWAYS = {
    FaultKind.RESET_BEFORE_HEADERS: LOST,
    FaultKind.CLOSE_BEFORE_HEADERS: LOST,
    FaultKind.RESET_AFTER_HEADERS: LOST,
    FaultKind.CLOSE_AFTER_HEADERS: LOST,
    FaultKind.EMPTY_BODY: NONSENSE,
    FaultKind.NULL: NONSENSE,
    FaultKind.GZIP: NONSENSE,
    FaultKind.BAD_CHUNKING: NONSENSE,
    FaultKind.GARBAGE: NONSENSE,
    FaultKind.HTML: NONSENSE,
}
BROKEN_PLAIN = {
    FaultKind.TRUNCATED_JSON: NONSENSE,
    FaultKind.WRONG_CONTENT_LENGTH: LOST,
    FaultKind.CUT_MID_STREAM: LOST,
}
BROKEN = [
    *((kind, code, stream) for kind, code in BROKEN_ALWAYS.items() for stream in (False, True)),
    *((kind, code, False) for kind, code in BROKEN_PLAIN.items()),
]


@pytest.mark.parametrize(("kind", "code", "stream"), BROKEN)
def test_broken_answers(fresh_stage: Stage, kind: FaultKind, code: str, *, stream: bool) -> None:
    """Half an answer, none, or one that makes no sense is a 502 and never an empty success."""
    fresh_stage.first.fail_next(kind)
    line = fresh_stage.failed(fresh_stage.ask("plain", stream=stream), 502, code)

    assert [each["error"] for each in line["attempts"]] == [code]
    assert len(fresh_stage.first.requests) == 1


NO_TOKEN, IDLE = "upstream_first_token_timeout", "upstream_idle_timeout"
SILENT = {
    FaultKind.HANG_BEFORE_HEADERS: (FIRST_BYTE_S, NO_TOKEN),
    FaultKind.HANG_AFTER_HEADERS: (FIRST_BYTE_S, NO_TOKEN),
    FaultKind.HANG_MID_STREAM: (IDLE_S, IDLE),
}


@pytest.mark.parametrize("kind", SILENT)
def test_silent_upstreams(stage: Stage, kind: FaultKind) -> None:
    """Silence is a 504 after its own limit: one until the first content, one within it."""
    stage.first.fail_next(kind)
    limit_s, code = SILENT[kind]
    line = stage.failed(stage.ask("plain", stream=False), 504, code)

    assert limit_s - EARLY_S <= line["duration_s"] < limit_s + SLACK_S
    record = stage.first.requests[0]
    assert within(SLACK_S, lambda: record.disconnected_after_ms is not None)


@BOTH
@pytest.mark.parametrize("header", ["x-stainless-read-timeout", "x-stainless-timeout"])
def test_the_patience_of_the_client(stage: Stage, header: str, *, stream: bool) -> None:
    """What the SDK says it waits is the limit when it is shorter than the server's."""
    stage.first.fail_next(FaultKind.HANG_BEFORE_HEADERS)
    lines = (f"{header}: 0.3".encode(),)
    line = stage.failed(stage.ask("plain", stream=stream, lines=lines), 504, NO_TOKEN)

    assert 0.3 - EARLY_S <= line["duration_s"] < 0.3 + SLACK_S


@pytest.mark.parametrize("value", [b"", b"0", b"-1", b"nan", b"inf", b"soon", b"1e999"])
def test_a_patience_that_makes_no_sense(stage: Stage, value: bytes) -> None:
    """A limit that is no number of seconds is passed over."""
    line = b"x-stainless-read-timeout: " + value
    assert stage.ask("plain", stream=False, lines=(line,)).status == 200


FAILURES = {
    401: (502, "upstream_credentials"),
    403: (502, "upstream_credentials"),
    404: (502, "upstream_misconfigured"),
    405: (502, "upstream_misconfigured"),
    301: (502, "upstream_misconfigured"),
    204: (502, "upstream_misconfigured"),
    299: (502, "upstream_misconfigured"),
    408: (504, "upstream_timeout"),
    504: (504, "upstream_timeout"),
    500: (502, "upstream_error"),
    502: (502, "upstream_error"),
    503: (502, "upstream_error"),
    529: (502, "upstream_error"),
    599: (502, "upstream_error"),
}
SECRET_WORDS = "account acct_4711 of simulated-organization at 10.1.2.3"


@BOTH
@pytest.mark.parametrize("status", FAILURES)
def test_statuses(stage: Stage, status: int, *, stream: bool) -> None:
    """Each status of the provider has its own; whose fault it is decides on a retry.

    The provider's words stay in the log: they may name the platform's account.
    """
    body = json.dumps({"error": {"message": SECRET_WORDS, "code": "x", "type": "y"}})
    stage.first.fail_next("status", status=status, body=b"" if status == 204 else body)
    answer = stage.ask("plain", stream=stream)
    stage.failed(answer, *FAILURES[status])

    own_fault = FAILURES[status][1] in {"upstream_credentials", "upstream_misconfigured"}
    assert answer.header("x-should-retry") == ("false" if own_fault else "true")
    assert b"4711" not in answer.body
    assert b"simulated-organization" not in repr(answer.headers).encode()
    assert status == 204 or SECRET_WORDS in stage.gateway.log


@BOTH
@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_refusals(stage: Stage, status: int, *, stream: bool) -> None:
    """What the provider refuses because of the request is told as it told it."""
    error = {"message": "No, because.", "type": "odd_error", "param": "x", "code": None, "why": [1]}
    stage.first.fail_next("status", status=status, body=json.dumps({"error": error}))
    answer = stage.ask("plain", stream=stream)
    [line] = stage.settled()

    assert answer.status == status
    assert json.loads(answer.body) == {"error": error}
    assert answer.header("x-should-retry") == ("true" if status == 409 else "false")
    assert (line["outcome"], line["cost_nano"]) == ("refused", 0)


ODD_ERRORS = {
    "no-json": b"<html>Bad Request</html>",
    "nothing": b"",
    "null": b"null",
    "a-list": b"[]",
    "a-number-as-message": b'{"error":{"message":1}}',
    "deep": b"[" * 100_000,
}


@BOTH
@pytest.mark.parametrize("body", ODD_ERRORS.values(), ids=ODD_ERRORS)
@pytest.mark.parametrize("status", [400, 429, 500])
def test_odd_errors(stage: Stage, status: int, body: bytes, *, stream: bool) -> None:
    """A failure without OpenAI's words is a failure in the gateway's words."""
    stage.first.fail_next("status", status=status, body=body)
    answer = stage.ask("plain", stream=stream)
    expected = {400: 502, 429: 429, 500: 502}[status]

    assert answer.status == expected
    assert answer.error["message"]
    assert stage.settled()[0]["cost_nano"] == 0


ODD_FIELDS: list[object] = [{}, [], {"a": 1}, [1], 1, 10**30, 1.5, True, "", "x" * 300]


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_odd_fields_of_errors(stage: Stage, status: int) -> None:
    """A code, type or param that is no string does no harm."""
    for odd in ODD_FIELDS:
        error = {"message": "No.", "type": odd, "param": odd, "code": odd, "more": odd}
        stage.first.fail_next("status", status=status, body=json.dumps({"error": error}))
        answer = stage.ask("plain", stream=False)
        said = json.loads(answer.body)["error"]
        assert answer.status == {400: 400, 401: 502, 429: 429, 500: 502}[status]
        assert isinstance(said["type"], str)
        assert said["code"] is None or isinstance(said["code"], str)
        assert said["param"] is None or isinstance(said["param"], str)
    stage.settled(len(ODD_FIELDS))


WAITS = [
    ({"retry-after-ms": "20"}, "1", "20"),
    ({"retry-after": "7"}, "7", "7000"),
    ({"retry-after": "1.5"}, "2", "1500"),
    ({"x-ms-retry-after-ms": "2500", "retry-after": "9"}, "3", "2500"),
    ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, None),
    ({"retry-after": "-1"}, None, None),
    ({"retry-after": "nan"}, None, None),
    ({"retry-after": "1e999"}, None, None),
    ({"retry-after": "99999999"}, None, None),
    ({}, None, None),
]


@BOTH
@pytest.mark.parametrize(("headers", "after", "after_ms"), WAITS)
def test_rate_limits(
    stage: Stage, headers: dict[str, str], after: str | None, after_ms: str | None, *, stream: bool
) -> None:
    """A provider's 429 keeps its wait in both headers that the SDKs read."""
    stage.first.fail_next("status", status=429, headers=headers)
    answer = stage.ask("plain", stream=stream)
    stage.failed(answer, 429, "rate_limit_exceeded")

    assert answer.header("x-should-retry") == "true"
    assert (answer.header("retry-after"), answer.header("retry-after-ms")) == (after, after_ms)


@pytest.mark.parametrize("field", ["code", "type"])
def test_an_exhausted_account(stage: Stage, field: str) -> None:
    """A quota that is used up is the platform's: no retry helps, and no word of it gets out."""
    error = {"message": SECRET_WORDS, "type": None, "param": None, "code": None}
    error[field] = "insufficient_quota"
    stage.first.fail_next("status", status=429, body=json.dumps({"error": error}))
    answer = stage.ask("plain", stream=False)
    stage.failed(answer, 502, "upstream_quota")

    assert answer.header("x-should-retry") == "false"
    assert b"4711" not in answer.body
