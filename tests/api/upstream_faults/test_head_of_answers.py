"""The head of every answer, good or bad: what OpenAI's has, and what the gateway adds."""

import json
import re
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.api.asking import within
from tests.api.raw import Answer, chat, exchange, post
from tests.api.upstream_faults.conftest import EARLY_S, STREAM, Stage
from tests.api.upstream_faults.scripted import events, http
from tests.simulators.faults import FaultKind

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
ANSWER = b'{"choices":[],"usage":null}'
LIMITS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-remaining-tokens": "199000",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-reset-tokens": "6m0s",
}


def _expect_openais(answer: Answer) -> None:
    assert re.fullmatch(r"req_[0-9a-f]{24}", answer.header("x-request-id") or "")
    assert (answer.header("openai-processing-ms") or "").isdecimal()
    assert answer.header("openai-version") == "2020-10-01"


@BOTH
def test_what_the_provider_says_passes(stage: Stage, *, stream: bool) -> None:
    """Its version, its time and its limits; its request id under a name of ours."""
    answer = stage.ask("plain", stream=stream)
    stage.settled()

    _expect_openais(answer)
    assert answer.header("openai-processing-ms") == "12"
    upstream_id = answer.header("x-llmproxy-upstream-request-id") or ""
    assert re.fullmatch(r"req_[0-9a-f]{32}", upstream_id)
    assert answer.header("x-ratelimit-limit-tokens") == "200000"
    assert answer.header("x-llmproxy-model") == answer.header("x-llmproxy-deployment") == "plain"
    assert 0 <= float(answer.header("x-llmproxy-overhead-ms") or "nan") < 10_000
    assert (answer.header("x-llmproxy-cost") is None) is stream


@BOTH
def test_what_the_provider_does_not_say_is_added(stage: Stage, *, stream: bool) -> None:
    """Many compatible servers send none of OpenAI's headers: the gateway does."""
    stage.odd.says(events(CHUNK, b"data: [DONE]\n\n") if stream else http(ANSWER))
    answer = stage.ask("odd", stream=stream)
    stage.settled()

    assert answer.status == 200
    _expect_openais(answer)
    assert answer.header("x-llmproxy-upstream-request-id") is None


@pytest.mark.parametrize("name", [b"OpenAI-Version: 2020-10-01", b"openai-version:2020-10-01"])
def test_names_in_other_letters_are_the_same(stage: Stage, name: bytes) -> None:
    """A header that the provider sent is not added again."""
    stage.odd.says(http(ANSWER, name, b"OpenAI-Processing-Ms:  77 "))
    host = stage.gateway.url.removeprefix("http://")
    with closing(HTTPConnection(host, timeout=5)) as connection:
        connection.request("POST", "/v1/chat/completions", body=chat(b"", b"odd"))
        answer = connection.getresponse()
        names = [key.lower() for key, _ in answer.getheaders()]
    stage.settled()

    assert answer.status == 200
    assert names.count("openai-version") == names.count("openai-processing-ms") == 1


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
@BOTH
def test_failures_of_the_provider(stage: Stage, status: int, *, stream: bool) -> None:
    """Limits and request id pass with every failure: who runs into a limit wants to see it."""
    headers = {"x-request-id": "req_upstream", "set-cookie": "a=b", **LIMITS}
    body = json.dumps({"error": {"message": "No.", "code": None, "type": "x", "param": None}})
    stage.first.fail_next("status", status=status, body=body, headers=headers)
    answer = stage.ask("plain", stream=stream)
    stage.settled()

    _expect_openais(answer)
    assert answer.header("x-llmproxy-upstream-request-id") == "req_upstream"
    assert {name: answer.header(name) for name in LIMITS} == LIMITS
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, None, "false"),
        (400, "true", "true"),
        (409, None, "true"),
        (409, "false", "false"),
        (422, "nonsense", "false"),
        (429, None, "true"),
        (429, "false", "false"),
        (500, "false", "true"),
        (401, "true", "false"),
    ],
)
def test_whether_to_try_again(stage: Stage, status: int, said: str | None, expected: str) -> None:
    """The provider's word counts where its answer passes; else the gateway knows better."""
    body = json.dumps({"error": {"message": "No."}})
    headers = {} if said is None else {"x-should-retry": said}
    stage.first.fail_next("status", status=status, body=body, headers=headers)
    answer = stage.ask("plain", stream=False)
    stage.settled()

    assert answer.header("x-should-retry") == expected


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("name", "value"),
    [("retry-after", "2"), ("retry-after-ms", "2000"), ("x-ms-retry-after-ms", "2000")],
)
def test_both_spellings_of_a_wait(stage: Stage, status: int, name: str, value: str) -> None:
    """Whichever the provider used, the client gets both."""
    stage.first.fail_next("status", status=status, headers={name: value})
    answer = stage.ask("plain", stream=False)
    stage.settled()

    assert (answer.header("retry-after"), answer.header("retry-after-ms")) == ("2", "2000")


@BOTH
def test_a_refusal_of_the_gateway_has_them_too(stage: Stage, *, stream: bool) -> None:
    """Also what never came to a provider looks like OpenAI's."""
    answer = stage.ask("no-such-model", stream=stream)
    assert answer.status == 404
    _expect_openais(answer)


@BOTH
def test_what_was_changed_is_named(stage: Stage, *, stream: bool) -> None:
    """No silent change: the fields that the provider got in another form stand in a header."""
    answer = stage.ask("plain", stream=stream)
    stage.settled()

    assert answer.header("x-llmproxy-changed") == ("model, stream_options" if stream else "model")


@BOTH
def test_a_compressed_answer_is_named_in_the_log(stage: Stage, *, stream: bool) -> None:
    """Its bytes cannot pass, and the operator is told why."""
    stage.first.fail_next(FaultKind.GZIP)
    stage.failed(stage.ask("plain", stream=stream), 502, "upstream_error")

    assert (
        "content-encoding: gzip, although accept-encoding: identity was sent" in stage.gateway.log
    )


def test_a_compressed_failure_is_named_in_the_log(stage: Stage) -> None:
    """So is a failure whose words nobody can read."""
    stage.odd.says(http(b"\x1f\x8b\x08", b"content-encoding: br", status=b"500 Oh"))
    stage.failed(stage.ask("odd", stream=False), 502, "upstream_error")

    assert "HTTP 500: content-encoding: br, although" in stage.gateway.log


def test_a_provider_cannot_forge_a_line_of_the_log(stage: Stage) -> None:
    """Its words stay within the line that quotes them."""
    forged = "2026-11-23 20:00:00,000 ERROR llmproxy: forged"
    body = json.dumps({"error": {"message": "no"}}) + f"\r\n{forged}\n\x1b[2J"
    stage.first.fail_next("status", status=500, body=body)
    stage.failed(stage.ask("plain", stream=False), 502, "upstream_error")

    assert forged in stage.gateway.log
    assert not any(line.startswith(forged) for line in stage.gateway.log.splitlines())
    assert "\x1b" not in stage.gateway.log


def test_a_dripping_answer_ends_when_nobody_waits(stage: Stage) -> None:
    """The client hears nothing before the whole answer: its limit on silence is for all of it."""
    stage.first.fail_next(FaultKind.SLOW_DRIP, drip_bytes=1, chunk_interval_ms=50)
    lines = (b"x-stainless-read-timeout: 0.6",)
    answer = stage.ask("plain", stream=False, lines=lines)
    line = stage.failed(answer, 504, "upstream_total_timeout")

    assert line["duration_s"] >= 0.6 - EARLY_S
    record = stage.first.requests[0]
    assert within(3.0, lambda: record.disconnected_after_ms is not None)


@BOTH
def test_the_patience_of_the_client_is_for_all_deployments(stage: Stage, *, stream: bool) -> None:
    """A second deployment is not asked for a client that has given up."""
    for upstream in (stage.first, stage.second):
        upstream.fail_next(FaultKind.HANG_BEFORE_HEADERS)
    lines = (b"x-stainless-timeout: 0.3",)
    body = chat(STREAM if stream else b"", b"pair")
    answer = exchange(stage.gateway.url, post(body, *lines))
    line = stage.failed(answer, 504, "upstream_first_token_timeout")

    assert len(line["attempts"]) == 1
    assert len(stage.first.requests) + len(stage.second.requests) == 1
