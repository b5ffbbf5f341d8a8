"""From a provider's status and body to the gateway's errors.

Status first, words only where the status is ambiguous.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from llmproxy.domain.errors import (
    Broken,
    Busy,
    GatewayError,
    OwnFault,
    Refused,
    TimedOut,
    Unavailable,
    UpstreamError,
)
from llmproxy.infra.providers.openai_wire.headers import load_percent, passing_failure, unasked
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    Cut,
    OutOfConnections,
    Silent,
    TransportError,
    Unreadable,
    Unresolved,
    Untrusted,
    Wait,
)
from llmproxy.infra.wire.unreadable import UNREADABLE

REFUSALS = frozenset((400, 409, 413, 422))
CREDENTIALS = frozenset((401, 403))
TIMEOUTS = frozenset((408, 504))
QUOTA_CODES = frozenset(("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"))
MAX_RETRY_AFTER_S = 86_400.0
DETAIL_BYTES = 500
OUT_OF_CONNECTIONS_S = 1.0
SILENT: Mapping[Wait, tuple[str, str]] = {
    Wait.CONNECT: ("No connection to the provider was had", "upstream_connect_timeout"),
    Wait.FIRST_TOKEN: ("The provider said nothing of its answer", "upstream_first_token_timeout"),
    Wait.BETWEEN_TOKENS: ("The provider stopped speaking: nothing came", "upstream_idle_timeout"),
    Wait.TOTAL: ("The provider's answer was not complete", "upstream_total_timeout"),
}
"""The message and the code for each limit that can pass."""
BROKEN: Mapping[type[TransportError], tuple[str, str | None]] = {
    Unresolved: ("The name of the provider's host cannot be resolved.", "upstream_dns_failed"),
    Untrusted: ("No TLS connection to the provider can be trusted.", "upstream_tls_failed"),
    ConnectFailed: ("The provider cannot be reached.", "upstream_unreachable"),
    Unreadable: ("The gateway cannot read the upload that it keeps.", "upload_lost"),
    Cut: ("The provider closed the connection early.", "upstream_connection_lost"),
    TransportError: ("The provider's answer makes no sense.", None),
}
"""The message and the code of each other failure; the first that fits."""


def failure(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> UpstreamError:
    """Return the error that an answer with this status stands for."""
    error = _error_object(body)
    made = _classified(status, error, retry_after_s(headers))
    made.upstream_status = status
    made.passing = passing_failure(headers)
    made.load_percent = load_percent(b"".join(b"\n%b: %b" % header for header in headers))
    if isinstance(made, Refused | Busy):
        made.should_retry = _should_retry(headers)
    said = body[:DETAIL_BYTES].decode("utf-8", "replace")
    encodings = [value for name, value in headers if name.lower() == b"content-encoding"]
    made.detail = f"HTTP {status}: {unasked(encodings[0]) if encodings else said}"
    return made


def _should_retry(headers: Iterable[tuple[bytes, bytes]]) -> bool | None:
    """Return the provider's own word on sending the same request again."""
    said = {value.lower() for name, value in headers if name.lower() == b"x-should-retry"}
    return {frozenset((b"true",)): True, frozenset((b"false",)): False}.get(frozenset(said))


def _classified(status: int, error: Mapping[str, Any], retry_s: float | None) -> UpstreamError:
    said = error.get("message")
    if status in REFUSALS and isinstance(said, str):
        return Refused(said, status=status, error=error)
    if status == 429:
        return _limited(error, retry_s)
    if status in TIMEOUTS:
        return TimedOut("The provider timed out.")
    if status >= 500:
        return Broken(f"The provider failed with status {status}.", retry_after_s=retry_s)
    return _own_fault(status)


def _limited(error: Mapping[str, Any], retry_s: float | None) -> UpstreamError:
    labels = (error.get("code"), error.get("type"))
    if any(label in QUOTA_CODES for label in labels if isinstance(label, str)):
        message = "The gateway's account at the provider is exhausted."
        return OwnFault(message, code="upstream_quota")
    said = error.get("message")
    words = said if isinstance(said, str) else "The provider's rate limit is reached."
    return Busy(words, retry_after_s=retry_s)


def _own_fault(status: int) -> OwnFault:
    if status in CREDENTIALS:
        message = "The provider refused the gateway's own credential."
        return OwnFault(message, code="upstream_credentials")
    return OwnFault("The gateway's deployment of this model does not answer as it should.")


def stream_failure(data: bytes) -> UpstreamError:
    """Return the error that an error event inside a stream stands for."""
    error = _error_object(data)
    said = error.get("message")
    code = error.get("code")
    made = Broken(
        said
        if isinstance(said, str) and said
        else "The provider failed in the middle of its answer.",
        code=code if isinstance(code, str) else None,
    )
    made.detail = data[:DETAIL_BYTES].decode("utf-8", "replace")
    return made


def unreadable(message: str, answer: bytes, words: str = "") -> Broken:
    """Return the error for an answer or a piece of one that makes no sense; `words` say why."""
    said = answer[:DETAIL_BYTES].decode("utf-8", "replace")
    error = Broken(message, detail=f"{words}: {said}" if words else said)
    error.quotes = True
    return error


def transport_failure(error: TransportError) -> GatewayError:
    """Return the gateway's error for an exchange that broke."""
    if isinstance(error, Silent):
        made: GatewayError = _timed_out(error)
    elif isinstance(error, OutOfConnections):
        made = Unavailable(
            "The gateway has no connection to providers left.",
            retry_after_s=OUT_OF_CONNECTIONS_S,
            code="out_of_connections",
        )
    else:
        message, code = next(said for kind, said in BROKEN.items() if isinstance(error, kind))
        made = Broken(message, code=code)
    made.detail = str(error)
    return made


def _timed_out(error: Silent) -> TimedOut:
    message, code = SILENT[error.what]
    whose = "s, which is the client's own limit." if error.by_client else "s."
    made = TimedOut(f"{message} within {error.limit_s:g} {whose}", code=code)
    made.by_client = error.by_client
    return made


def retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return what `retry-after-ms`, `x-ms-retry-after-ms` or `retry-after` (seconds) say.

    In seconds.
    """
    found: dict[bytes, bytes] = {name.lower(): value for name, value in headers}
    for name, unit_s in (
        (b"retry-after-ms", 0.001),
        (b"x-ms-retry-after-ms", 0.001),
        (b"retry-after", 1.0),
    ):
        try:
            seconds = float(found[name]) * unit_s
        except (KeyError, ValueError):
            continue
        if 0 <= seconds <= MAX_RETRY_AFTER_S:
            return seconds
    return None


def _error_object(body: bytes) -> Mapping[str, Any]:
    """Return the error object of an OpenAI-shaped body, whatever it is wrapped in.

    Empty when there is none.
    """
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    if not isinstance(decoded, dict):
        return {}
    error = decoded.get("error", decoded)
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}
