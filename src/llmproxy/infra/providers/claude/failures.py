"""Anthropic's errors, and those of the clouds in front of it, as the gateway's.

`{"type": "error", "error": {"type", "message"}, "request_id"}`, with a status of its own for each
type (platform.claude.com, "Errors", 2026-11). Google's front end says `{"error": {"code",
"message", "status", "details"}}`, in a list when a stream was asked for; Azure's `{"error":
{"code", "message"}}`. The status decides; words only where it is ambiguous: a prompt that is too
long, and an account without credit, are both a 400.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from llmproxy.domain.errors import Later, OwnFault, UpstreamError
from llmproxy.infra.providers.claude.rate_limits import rate_limits
from llmproxy.infra.providers.openai_wire.failures import DETAIL_BYTES, failure
from llmproxy.infra.wire.unreadable import UNREADABLE

STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
NO_CREDIT = 402
TOO_LARGE = 413
LIMITED = 429
_TOO_LONG = re.compile(
    r"prompt is too long|exceed(?:s|ed)? (?:the )?context (?:limit|window)",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)
_PLACE = re.compile(r"([a-z_]+)((?:\.[A-Za-z0-9_]+)*): ")
_PARAMS: Mapping[str, str] = {
    "messages": "messages",
    "system": "messages",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop_sequences": "stop",
    "thinking": "reasoning_effort",
    "output_config": "response_format",
    "metadata": "user",
}
_DELAY = re.compile(r"([0-9.]+)s")


def claude_failure(
    status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> UpstreamError:
    """Return the error for an answer with another status than 200."""
    said = _error_of(body)
    message = said.get("message")
    words = message if isinstance(message, str) else ""
    if status == NO_CREDIT or (status < 500 and _NO_CREDIT.search(words)):
        made: UpstreamError = OwnFault(
            "The gateway's account at the provider is exhausted.", code="upstream_quota"
        )
        made.upstream_status = status
    else:
        made = failure(status, headers, _in_openai_words(status, words))
        made.passing = (*made.passing, *_limits(headers))
        _wait(made, said)
    made.detail = f"HTTP {status}: {body[:DETAIL_BYTES].decode('utf-8', 'replace')}"
    return made


def claude_failure_in(data: bytes) -> UpstreamError:
    """Return the error that stands in a body or an event of an answer that began with 200."""
    kind = _error_of(data).get("type")
    status = STATUSES.get(kind, 500) if isinstance(kind, str) else 500
    return claude_failure(status, (), data)


def _in_openai_words(status: int, words: str) -> bytes:
    place = _PLACE.match(words)
    code = None
    if _TOO_LONG.search(words):
        code = "context_length_exceeded"
    elif status == TOO_LARGE:
        code = "request_too_large"
    error: dict[str, Any] = {
        "message": words or None,
        "type": "rate_limit_error" if status == LIMITED else "invalid_request_error",
        "param": _PARAMS.get(place[1]) if place else None,
        "code": code,
    }
    return msgspec.json.encode({"error": error})


def _limits(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    lines = rate_limits(b"".join(b"\n%b: %b" % header for header in headers))
    pairs = [line.split(b": ", 1) for line in lines]
    return [(name, value) for name, value in pairs]


def _wait(made: UpstreamError, said: Mapping[str, Any]) -> None:
    """Take Google's advice on when to come again, which is in the body (`RetryInfo`)."""
    if not isinstance(made, Later) or made.retry_after_s is not None:
        return
    details = said.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if found is not None:
            made.retry_after_s = float(found[1])


def _error_of(body: bytes) -> Mapping[str, Any]:
    """Return the error object, whatever it is wrapped in; empty when there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    error = decoded.get("error") if isinstance(decoded, dict) else None
    return error if isinstance(error, dict) else {}
