"""Anthropic's failures, Google's and Azure's, by the one table."""

import json

import pytest

from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused, TimedOut, UpstreamError
from llmproxy.infra.providers.claude.failures import claude_failure, claude_failure_in
from llmproxy.infra.providers.claude.rate_limits import rate_limits

WORDS = "messages.1.content.0.text: Words."


def said(kind: str, message: str = WORDS) -> bytes:
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    ).encode()


KINDS: list[tuple[int, str, type[UpstreamError], str | None]] = [
    (400, "invalid_request_error", Refused, None),
    (401, "authentication_error", OwnFault, "upstream_credentials"),
    (402, "billing_error", OwnFault, "upstream_quota"),
    (403, "permission_error", OwnFault, "upstream_credentials"),
    (404, "not_found_error", OwnFault, "upstream_misconfigured"),
    (413, "request_too_large", Refused, "request_too_large"),
    (429, "rate_limit_error", Busy, "rate_limit_exceeded"),
    (500, "api_error", Broken, "upstream_error"),
    (504, "timeout_error", TimedOut, "upstream_timeout"),
    (529, "overloaded_error", Broken, "upstream_error"),
]


@pytest.mark.parametrize(("status", "kind", "made", "code"), KINDS)
def test_by_status(status: int, kind: str, made: type[UpstreamError], code: str | None) -> None:
    """The status decides; the words reach the caller only where they are about the request."""
    error = claude_failure(status, [(b"retry-after", b"3")], said(kind))
    assert type(error) is made
    assert error.code == code
    assert error.upstream_status == status
    assert WORDS in error.detail
    assert (WORDS in error.message) is (made in {Refused, Busy})
    if isinstance(error, Busy | Broken):
        assert error.retry_after_s == 3


@pytest.mark.parametrize(("status", "kind", "made", "code"), KINDS)
def test_inside_of_an_answer(
    status: int, kind: str, made: type[UpstreamError], code: str | None
) -> None:
    """An error in a stream or a body is the same as its status would be."""
    error = claude_failure_in(said(kind))
    assert (type(error), error.code, error.upstream_status) == (made, code, status)


def test_a_limit_that_is_reached_shows_its_headers() -> None:
    """The caller sees where the limit is, under OpenAI's names."""
    headers = [
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"request-id", b"req_1"),
        (b"anthropic-organization-id", b"secret"),
    ]
    busy = claude_failure(429, headers, said("rate_limit_error"))
    assert list(busy.passing) == [
        (b"x-llmproxy-upstream-request-id", b"req_1"),
        (b"x-ratelimit-remaining-requests", b"0"),
    ]


def test_a_refusal_is_in_openai_words() -> None:
    """The four keys of OpenAI's envelope, with the field where its name is the same."""
    error = claude_failure(400, [], said("invalid_request_error"))
    assert isinstance(error, Refused)
    assert error.error == {
        "message": WORDS,
        "type": "invalid_request_error",
        "param": "messages",
        "code": None,
    }


@pytest.mark.parametrize(
    "words",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 16384 > 200000",
    ],
)
def test_a_prompt_that_is_too_long(words: str) -> None:
    """Clients switch on OpenAI's code."""
    error = claude_failure(400, [], said("invalid_request_error", words))
    assert isinstance(error, Refused)
    assert error.code == "context_length_exceeded"


def test_no_credit_is_the_platforms_fault() -> None:
    """It is a 400 at Anthropic, and none of the caller's doing."""
    words = "Your credit balance is too low to access the Anthropic API."
    error = claude_failure(400, [], said("invalid_request_error", words))
    assert isinstance(error, OwnFault)
    assert error.code == "upstream_quota"
    assert "credit" not in error.message


@pytest.mark.parametrize("wrapped", [False, True])
def test_google_says_when_to_come_again(*, wrapped: bool) -> None:
    """Its front end tells it in the body, in a list when a stream was asked for."""
    error = {
        "code": 429,
        "message": "Quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "5.5s"}],
    }
    body = json.dumps([{"error": error}] if wrapped else {"error": error}).encode()
    busy = claude_failure(429, [], body)
    assert isinstance(busy, Busy)
    assert busy.retry_after_s == 5.5


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "x"}', b"null", b"\xff"])
def test_no_error_object(body: bytes) -> None:
    """A body that tells nothing is judged by its status."""
    assert isinstance(claude_failure(400, [], body), UpstreamError)
    assert type(claude_failure(503, [], body)) is Broken
    assert type(claude_failure_in(body)) is Broken


def test_rate_limits() -> None:
    """Anthropic's headers come under OpenAI's names, resets as durations by its own clock."""
    head = (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 23 Nov 2025 20:00:00 GMT\r\n"
        b"anthropic-ratelimit-requests-limit: 4000\r\n"
        b"anthropic-ratelimit-requests-remaining: 3999\r\n"
        b"anthropic-ratelimit-requests-reset: 2025-11-23T20:01:05Z\r\n"
        b"Anthropic-RateLimit-Tokens-Reset: 2025-11-23T21:00:00Z\r\n"
        b"anthropic-ratelimit-input-tokens-limit: 1\r\n\r\n"
    )
    assert rate_limits(head) == [
        b"x-ratelimit-limit-requests: 4000",
        b"x-ratelimit-remaining-requests: 3999",
        b"x-ratelimit-reset-requests: 1m5s",
        b"x-ratelimit-reset-tokens: 1h0m0s",
    ]


@pytest.mark.parametrize("date", [b"", b"\r\nDate: yesterday"])
def test_no_reset_without_a_clock(date: bytes) -> None:
    """A duration that cannot be told is not made up."""
    head = (
        b"HTTP/1.1 200 OK"
        + date
        + b"\r\nanthropic-ratelimit-tokens-reset: 2025-11-23T21:00:00Z\r\n"
    )
    assert rate_limits(head) == []
