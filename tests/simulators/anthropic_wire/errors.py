"""Anthropic's errors: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

Kinds and statuses: platform.claude.com, "Errors"; `anthropic/types/shared` of anthropic 2.12.0.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Answer, Headers, RefusalError, json_answer, json_bytes

_FAILURES: Mapping[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request was refused."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: (
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 4,000 requests per minute.",
    ),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}

# What a stream says when it breaks: the SDK raises on `event: error`.
STREAM_ERROR = json_bytes(
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
)


def anthropic_error(status: int, kind: str, message: str) -> RefusalError:
    """An error in Anthropic's envelope, without its request id."""
    envelope = {"type": "error", "error": {"type": kind, "message": message}}
    return RefusalError(status, message, envelope=envelope)


def invalid(message: str) -> RefusalError:
    """A 400 about the body."""
    return anthropic_error(400, "invalid_request_error", message)


def failure(status: int) -> RefusalError:
    """What Anthropic says with this status when nothing is wrong with the request."""
    fallback = _FAILURES[500] if status >= 500 else _FAILURES[400]
    return anthropic_error(status, *_FAILURES.get(status, fallback))


def error_answer(error: RefusalError, headers: Headers, request_id: str) -> Answer:
    """The answer of an error; one that is not in Anthropic's envelope is sent as it is."""
    envelope: Any = error.envelope
    if isinstance(envelope, dict) and envelope.get("type") == "error":
        envelope = envelope | {"request_id": request_id}
    return json_answer(envelope, status=error.status, headers=(*headers, *_advice(error.status)))


def decoded(data: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise invalid(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid("Input should be a valid dictionary")
    return body


def _advice(status: int) -> Headers:
    """Whether and when to come again; the SDK obeys both."""
    if status == 429:
        return (("x-should-retry", "true"), ("retry-after", "1"))
    return (("x-should-retry", "true" if status >= 500 else "false"),)
