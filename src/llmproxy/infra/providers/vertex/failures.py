"""From errors on Vertex AI to the gateway's, status first.

Google's body is `{"error": {"code", "message", "status", "details"}}`, sometimes in an array of one
(google-genai 3.6.1 `errors.py` takes both), or a page of HTML from a front end. The makers of
models behind it say their own: Mistral `{"object": "error", "message"}` or `{"detail": [{"loc",
"msg"}]}`, where the message may hold that detail, AI21 `{"detail"}`. The provider's words reach the
caller only when the request is at fault or a limit is reached, and without the project's name.

| status | here |
|---|---|
| 400, 409, 413, 422 | Refused; too long a prompt is `context_length_exceeded`; \
`FAILED_PRECONDITION` is the platform's fault |
| 401, 403, 404 | OwnFault |
| 429 | Busy, for as long as `RetryInfo` in `details` says |
| 408, 504 | TimedOut |
| 499, 5xx | Broken |
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from llmproxy.domain.errors import Broken, Busy, OwnFault, Refused, TimedOut, UpstreamError
from llmproxy.infra.providers.openai_wire.failures import (
    CREDENTIALS,
    DETAIL_BYTES,
    MAX_RETRY_AFTER_S,
    REFUSALS,
    TIMEOUTS,
    retry_after_s,
)
from llmproxy.infra.providers.openai_wire.headers import passing_failure
from llmproxy.infra.wire.unreadable import UNREADABLE

CANCELLED = 499
MAX_FINDINGS = 10
MAX_WORDS = 2000
TOO_LONG = re.compile(
    r"exceeds the (?:maximum number of tokens|model's maximum|maximum context)"
    r"|input token count|prompt is too long|context (?:length|window)|maximum context",
    re.IGNORECASE,
)
"""`The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).`"""
FILTERED = re.compile(r"Responsible AI practices|usage guidelines|content polic", re.IGNORECASE)
"""What Imagen and the filters of the media models say with a 400."""
_PROJECT = re.compile(r"\bprojects/[^/\s'\"`]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


class _Detail(msgspec.Struct):
    retryDelay: str | None = None  # noqa: N815 - Google's name
    reason: str | None = None


class _Error(msgspec.Struct):
    code: int | None = None
    message: str | None = None
    status: str | None = None
    details: list[_Detail] = []


class _Body(msgspec.Struct):
    error: _Error


_body = msgspec.json.Decoder(_Body | list[_Body])
_NOTHING = _Error()


def google_failure(
    status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> UpstreamError:
    """Return the error that an answer with this status stands for."""
    error = _error_in(body)
    made = _classified(status, error, headers)
    made.upstream_status = status
    made.passing = passing_failure(headers)
    made.detail = f"HTTP {status}: {_text(body)}"
    return made


def stream_failure(data: bytes) -> UpstreamError:
    """Return the error that stands where an event of a stream should, by the code that it names."""
    error = _error_in(data)
    if error.code is None:
        made: UpstreamError = Broken("The provider failed in the middle of its answer.")
    else:
        made = _classified(error.code, error, ())
        made.upstream_status = error.code
    made.detail = _text(data)
    return made


def prompt_blocked(reason: str, words: str | None = None) -> Refused:
    """Return the refusal of a prompt that the provider's filter blocked.

    As OpenAI's wire has it on Azure: status 400, code `content_filter`.
    """
    message = f"The provider's filter blocked the prompt ({reason})."
    if words:
        message = f"{message} {_PROJECT.sub('projects/…', words)}"
    return _refused(message, "content_filter")


def unwell(reason: str, words: str | None) -> Broken:
    """Return the error for an answer that the model gave up or wrote so that none can read it."""
    made = Broken(f"The model's answer could not be completed ({reason}).")
    made.detail = words or ""
    made.quotes = True
    return made


def _refused(message: str, code: str | None, status: int = 400) -> Refused:
    error: Mapping[str, object] = {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": code,
    }
    return Refused(message, status=status, error=error)


def _classified(
    status: int, error: _Error, headers: Sequence[tuple[bytes, bytes]]
) -> UpstreamError:
    if status in REFUSALS and error.message and error.status != "FAILED_PRECONDITION":
        message = _PROJECT.sub("projects/…", error.message)
        return _refused(message, _code(error.message), status)
    if status == 429:
        return _limited(error, headers)
    if status in TIMEOUTS:
        return TimedOut("The provider timed out.")
    if status >= CANCELLED:
        wait_s = _retry_after_s(error, headers)
        return Broken(f"The provider failed with status {status}.", retry_after_s=wait_s)
    return _own_fault(status, error)


def _code(message: str) -> str | None:
    if TOO_LONG.search(message):
        return "context_length_exceeded"
    return "content_filter" if FILTERED.search(message) else None


def _limited(error: _Error, headers: Sequence[tuple[bytes, bytes]]) -> Busy:
    words = error.message or "The provider's rate limit is reached."
    return Busy(_PROJECT.sub("projects/…", words), retry_after_s=_retry_after_s(error, headers))


def _retry_after_s(error: _Error, headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """Return what a header says, else `RetryInfo` (google/rpc/error_details.proto)."""
    said = retry_after_s(headers)
    for detail in () if said is not None else error.details:
        found = _DURATION.fullmatch(detail.retryDelay or "")
        if found is not None and float(found[1]) <= MAX_RETRY_AFTER_S:
            return float(found[1])
    return said


def _own_fault(status: int, error: _Error) -> OwnFault:
    if any(detail.reason == "BILLING_DISABLED" for detail in error.details):
        message = "The gateway's account at the provider is exhausted."
        return OwnFault(message, code="upstream_quota")
    if status in CREDENTIALS:
        message = "The provider refused the gateway's own credential."
        return OwnFault(message, code="upstream_credentials")
    return OwnFault("The gateway's deployment of this model does not answer as it should.")


def _error_in(body: bytes) -> _Error:
    try:
        read: Any = _body.decode(body)
    except UNREADABLE:
        return _Error(message=_makers_words(body))
    if isinstance(read, list):
        return read[0].error if read else _NOTHING
    error: _Error = read.error
    return error


def _makers_words(body: bytes) -> str | None:
    """Return in one line what another maker's error says: each field with what is wrong with it."""
    try:
        said = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    for name in ("error", "message", "detail"):
        if isinstance(said, dict):
            said = said.get(name) or said
    if isinstance(said, list):
        said = "; ".join(_finding(each) for each in said[:MAX_FINDINGS])
    return said[:MAX_WORDS] if isinstance(said, str) else None


def _finding(finding: object) -> str:
    if not isinstance(finding, dict):
        return str(finding)
    place = finding.get("loc")
    steps = place if isinstance(place, list) else []
    where = ".".join(str(step) for step in steps if step != "body")
    return f"{where}: {finding.get('msg')}" if where else str(finding.get("msg"))


def _text(body: bytes) -> str:
    return body[:DETAIL_BYTES].decode("utf-8", "replace")
