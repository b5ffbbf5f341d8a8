"""What models on Vertex AI say when they fail, and what becomes of it."""

import json

import pytest

from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused, TimedOut
from llmproxy.infra.providers.vertex.failures import google_failure


def _google(status: int, message: str, *details: object, array: bool = False) -> bytes:
    error = {"error": {"code": status, "message": message, "status": "X", "details": details}}
    return json.dumps([error] if array else error).encode()


@pytest.mark.parametrize("array", [False, True])
def test_a_refusal_is_told_in_openais_form(*, array: bool) -> None:
    """The words pass; the details, which can name the platform's project, do not."""
    body = _google(400, "Bad field.", {"project": "secret-project"}, array=array)
    made = google_failure(400, (), body)

    assert isinstance(made, Refused)
    assert made.message == "Bad field."
    assert made.error == {
        "message": "Bad field.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert "secret-project" in made.detail


@pytest.mark.parametrize(
    "words",
    [
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        "This model's maximum context length is 131072 tokens.",
        "Prompt contains 200000 tokens, too large for model with 131072 maximum context length",
    ],
)
def test_a_prompt_that_is_too_long(words: str) -> None:
    """It has OpenAI's code, by which applications know it."""
    made = google_failure(400, (), _google(400, words))

    assert isinstance(made, Refused)
    assert made.error["code"] == "context_length_exceeded"


def test_mistral_names_the_fields() -> None:
    """Its findings become one line."""
    detail = [{"type": "extra_forbidden", "loc": ["body", "foo"], "msg": "Extra inputs"}]
    for body in ({"object": "error", "message": {"detail": detail}}, {"detail": detail}):
        made = google_failure(422, (), json.dumps(body).encode())
        assert isinstance(made, Refused)
        assert (made.message, made.upstream_status) == ("foo: Extra inputs", 422)


def test_patience_is_read_from_the_details() -> None:
    """`google.rpc.RetryInfo`, unless a header says it."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "5.5s"}
    body = _google(429, "Quota exceeded.", info)
    told = google_failure(429, (), body)
    header = google_failure(429, ((b"retry-after", b"2"),), body)

    assert isinstance(told, Busy)
    assert told.retry_after_s == 5.5
    assert isinstance(header, Busy)
    assert header.retry_after_s == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, OwnFault), (403, OwnFault), (404, OwnFault), (504, TimedOut), (500, Broken)],
)
def test_the_platforms_own_faults_keep_their_words(status: int, kind: type[Exception]) -> None:
    """They stand in the log only."""
    made = google_failure(status, (), _google(status, "secret words"))

    assert isinstance(made, kind)
    assert "secret words" not in made.message
    assert "secret words" in made.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"error":"words"}'])
def test_what_is_no_error_object(body: bytes) -> None:
    """It fails all the same."""
    assert isinstance(google_failure(503, (), body), Broken)
