"""Google's errors: google.rpc.Status as HTTP/JSON (google/rpc/status.proto and error_details.proto
of googleapis; AIP-193).

Words: errors of aiplatform.googleapis.com that users quoted in public issues, 2024 to 2026
(genkit 4688, gemini-php 2 and 4, gemini-cli 4217, CLIProxyAPI 5607).
"""

from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Bare, RefusalError, json_bytes

RETRY_DELAY = "5s"

_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_WORDS: Mapping[int, str] = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
    "cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project.",
    403: "Permission 'aiplatform.endpoints.predict' denied on resource "
    "'//aiplatform.googleapis.com/projects/simulated' (or it may not exist).",
    404: "Publisher Model was not found or your project does not have access to it.",
    429: "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}
_LEARN = "Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini"


def google_error(status: int, message: str | None = None, *details: dict[str, Any]) -> RefusalError:
    """An error of this HTTP status, with Google's words unless others are given. A 429 says when
    to try again.
    """
    said = message or _WORDS.get(status, "The request failed.")
    error: dict[str, Any] = {
        "code": status,
        "message": said,
        "status": _STATUSES.get(status, "UNKNOWN" if status >= 500 else "FAILED_PRECONDITION"),
    }
    if status == 429 and not details:
        details = (retry_info(RETRY_DELAY),)
    if details:
        error["details"] = list(details)
    return RefusalError(status, said, envelope={"error": error})


def invalid(message: str) -> RefusalError:
    """A 400 in plain words."""
    return google_error(400, message)


def unable(because: str) -> RefusalError:
    """A 400 of the model server, which begins and ends alike."""
    return invalid(f"Unable to submit request because {because} {_LEARN}")


def bad_field(path: str, description: str) -> RefusalError:
    """A 400 of the JSON front end, which names the field (google.rpc.BadRequest)."""
    violation = {"description": description} | ({"field": path} if path else {})
    kind = "type.googleapis.com/google.rpc.BadRequest"
    return google_error(400, description, {"@type": kind, "fieldViolations": [violation]})


def retry_info(delay: str) -> dict[str, Any]:
    """`google.rpc.RetryInfo`; the delay is a number of seconds and `s`."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    """`google.rpc.ErrorInfo` of the Vertex AI service."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "aiplatform.googleapis.com", **metadata},
    }


def error_in_stream(status: int = 503, *, in_array: bool = False) -> Bare:
    """What a stream breaks off with: JSON over several lines, without `data:`.

    google-genai 3.6.1 collects such lines until their braces balance (`_RawJsonLineBuffer` in
    google/genai/_api_client.py).
    """
    envelope: Any = google_error(status).envelope
    return Bare(json_bytes([envelope] if in_array else envelope, indent=2) + b"\r\n")
