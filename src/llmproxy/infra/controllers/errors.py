"""The one table of errors.

Which HTTP status and which of OpenAI's types each of the gateway's errors has.

The body is always OpenAI's envelope, `{"error": {"message", "type", "param", "code"}}`; a
provider's refusal keeps the further keys of its own error object (Azure's `innererror` says which
content filter struck).
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from llmproxy.domain import errors
from llmproxy.infra.controllers.asgi import Pair, pair
from llmproxy.infra.controllers.rate_limits import quota_lines
from llmproxy.infra.wire.hiding import HIDDEN

Headers = list[Pair]
_encode = msgspec.json.Encoder().encode

INVALID = "invalid_request_error"
SERVER = "server_error"


class Row(NamedTuple):
    """`retry` is the value of `x-should-retry`, which both official SDKs obey.

    None leaves the choice to their own rules.
    """

    status: int
    type: str
    retry: bool | None = None


TABLE: Mapping[type[errors.GatewayError], Row] = {
    errors.Unauthenticated: Row(401, INVALID, retry=False),
    errors.Forbidden: Row(403, INVALID, retry=False),
    errors.InvalidRequest: Row(400, INVALID, retry=False),
    errors.UnknownModel: Row(404, INVALID, retry=False),
    errors.UnknownResponse: Row(404, INVALID, retry=False),
    errors.OperationNotSupported: Row(400, INVALID, retry=False),
    errors.PriceMissing: Row(402, INVALID, retry=False),
    errors.BudgetSpent: Row(429, "insufficient_quota", retry=False),
    errors.RateLimited: Row(429, "rate_limit_error", retry=True),
    errors.TooLarge: Row(413, INVALID, retry=False),
    errors.SlowUpload: Row(408, INVALID, retry=True),
    errors.UnknownUrl: Row(404, INVALID, retry=False),
    errors.WrongMethod: Row(405, INVALID, retry=False),
    errors.UnsupportedEndpoint: Row(501, INVALID, retry=False),
    errors.UnknownItem: Row(404, INVALID, retry=False),
    errors.AlreadyExists: Row(409, INVALID, retry=False),
    errors.EtagMismatch: Row(412, INVALID, retry=False),
    errors.ReadOnly: Row(409, INVALID, retry=False),
    errors.LimitsNeedRedis: Row(409, INVALID, retry=False),
    errors.IdempotencyKeyReused: Row(422, INVALID, retry=False),
    errors.IdempotencyInProgress: Row(409, INVALID, retry=True),
    errors.Busy: Row(429, "rate_limit_error", retry=True),
    errors.TimedOut: Row(504, SERVER, retry=True),
    errors.Broken: Row(502, SERVER, retry=True),
    errors.OwnFault: Row(502, SERVER, retry=False),
    errors.Unavailable: Row(503, SERVER, retry=True),
}
CRASH = Row(500, SERVER)
"""Whether the same request crashes again cannot be known: the SDK's own rules decide."""
STOPPING = "gateway_stopping"
DEEPEST = 100
"""So deep a provider's error is told; OpenAI's is one object of texts."""
CONFLICT = 409
"""Another request was faster: OpenAI's words for it are to try again, and both SDKs do."""


def row_of(error: Exception) -> Row:
    """Return the row of an error; what is not in the table is a crash."""
    if isinstance(error, errors.Refused):
        status = error.upstream_status or 400
        said = error.error.get("type")
        kind = said if isinstance(said, str) else INVALID
        return Row(status, kind, retry=status == CONFLICT)
    return next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), CRASH)


def envelope(error: Exception) -> dict[str, Any]:
    """Return the JSON object of an error."""
    row = row_of(error)
    if not isinstance(error, errors.GatewayError):
        return _enveloped("The gateway failed.", row.type, None, "internal_error")
    whole = _enveloped(error.message, row.type, error.param, error.code)
    if isinstance(error, errors.Refused):
        further = {key: value for key, value in error.error.items() if key != "status"}
        whole["error"] = further | whole["error"]
    if isinstance(error, errors.UpstreamError):
        # A provider may repeat the key that it was sent.
        whole["error"] = {name: _hidden(value) for name, value in whole["error"].items()}
    return whole


def _hidden(value: object, depth: int = 0) -> object:
    """Return a JSON value without any secret in its texts; what is nested too deeply is named so.

    It comes from a provider, and msgspec reads deeper ones than Python can follow.
    """
    if isinstance(value, str):
        return HIDDEN.hide(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth > DEEPEST:
        return "[nested too deep]"
    if isinstance(value, Mapping):
        return {name: _hidden(inner, depth + 1) for name, inner in value.items()}
    return [_hidden(inner, depth + 1) for inner in value]


def _enveloped(message: str, kind: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


ERROR = "error_code"
"""Where the state of a request's scope holds the code that was answered, for the access line."""


def rendered(error: Exception) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of the answer to an error."""
    row = row_of(error)
    body = _encode(envelope(error))
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    retry = row.retry
    if isinstance(error, errors.UpstreamError):
        headers += error.passing
        retry = retry if error.should_retry is None else error.should_retry
    if isinstance(error, errors.RateLimited) and error.final:
        retry = False
    if retry is not None:
        headers.append((b"x-should-retry", b"true" if retry else b"false"))
    if isinstance(error, errors.Later) and error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(error.retry_after_s)))
        headers.append((b"retry-after-ms", b"%d" % math.ceil(error.retry_after_s * 1000)))
    if isinstance(error, errors.RateLimited | errors.BudgetSpent) and error.quota is not None:
        headers += map(pair, quota_lines(error.quota))
    if isinstance(error, errors.WrongMethod):
        headers.append((b"allow", error.allowed.encode("ascii")))
    if isinstance(error, errors.Unauthenticated):
        headers.append((b"www-authenticate", b"Bearer"))
    return row.status, headers, body


def told(error: errors.UpstreamError) -> str:
    """Return what the log says of a failure: a provider's words, unless they may be contents.

    A refusal may repeat what was asked, and its words go to the caller; what could not be read of
    an answer is an answer.
    """
    if isinstance(error, errors.Refused):
        return f"refused with status {error.upstream_status}"
    if error.quotes:
        cause = error.__cause__
        return error.message if cause is None else f"{error.message} ({cause})"
    return error.detail or error.message


def stopping() -> errors.Unavailable:
    """Return the error of what is broken off because the gateway ends."""
    return errors.Unavailable("The gateway is stopping.", code=STOPPING, retry_after_s=1.0)


def error_frame(error: Exception) -> bytes:
    """Return the event that both official SDKs raise on in the middle of a stream."""
    return b"data: " + _encode(envelope(error)) + b"\n\n"


def typed_error_event(error: Exception, sequence_number: int) -> bytes:
    """Return the error event of a stream of typed events.

    The fields of OpenAI's own (ResponseErrorEvent in its API description) beside the `error`
    object, without which openai-python would not raise (`_streaming.py`, 3.54.0).
    """
    whole = envelope(error)
    said = {name: whole["error"].get(name) for name in ("code", "message", "param")}
    event = {"type": "error", **said, "sequence_number": sequence_number, **whole}
    return b"event: error\ndata: " + _encode(event) + b"\n\n"


def realtime_error_event(error: Exception, request_id: str) -> bytes:
    """Return the error event of a realtime session (RealtimeServerEventError)."""
    whole = envelope(error)["error"] | {"event_id": None}
    event_id = f"event_{request_id.removeprefix('req_')}"
    return _encode({"type": "error", "event_id": event_id, "error": whole})
