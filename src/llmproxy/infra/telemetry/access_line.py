"""What a request leaves in the log of a gateway that machines read: one line of JSON.

docs/logging.md names every field. What others wrote (paths, names of unknown models, ids, codes of
a provider) is bounded, goes through `HIDDEN`, and cannot begin a line of its own.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.infra.telemetry.one_line import contained
from llmproxy.infra.wire.hiding import HIDDEN

MAX_CHARS: Final = 200
MAX_WORD: Final = 100
MAX_ID: Final = 128
NANO: Final = 1e9
MEGA: Final = 1e6
SERVER_FAULT: Final = 500
LOGGER: Final = "llmproxy.access"
UPSTREAM_ID: Final = b"x-llmproxy-upstream-request-id: "
CACHE: Final = b"x-llmproxy-cache-status: "
CLIENT_IDS: Final = (b"x-client-request-id", b"x-request-id")
"""OpenAI's header for an id of the client's own ("Debugging requests" of its API reference), and
the one that proxies set."""

ProviderOf = Callable[[str], str | None]
"""The provider of a document, by its id."""


class Request(Protocol):
    """What a line says of a request.

    The path is logged without its query, which may hold anything.
    """

    scope: Any
    request_id: str
    status: int
    subject: str
    headers: dict[bytes, bytes]
    head: bytes
    error: str | None
    caller: Caller | None
    call: Call | None
    trace: Trace | None

    @property
    def kept_bytes(self) -> int:
        """Of what was asked and answered, about how much it holds on to."""


class AccessLine(msgspec.Struct, omit_defaults=True, gc=False):
    """One request, in the order in which the fields are written; what is not known is left out."""

    timestamp: str
    level: str
    logger: str
    message: str
    request_id: str
    method: str
    path: str
    status: int
    duration_ms: float
    model: str | None = None
    asked_model: str | None = None
    operation: str | None = None
    stream: bool | None = None
    key_id: str | None = None
    project: str | None = None
    outcome: str | None = None
    error: str | None = None
    deployment: str | None = None
    provider: str | None = None
    attempts: int | None = None
    upstream_status: int | None = None
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    cost: float | None = None
    currency: str | None = None
    first_token_ms: float | None = None
    overhead_ms: float | None = None
    cache: str | None = None
    client_request_id: str | None = None
    upstream_request_id: str | None = None
    tags: tuple[str, ...] = ()
    client_ip: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


class Stamps:
    """Writes times as `2026-11-23T20:00:00.250Z`; each second's part is written once in a row."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """Return the present."""
        return self.of(time.time())  # noqa: TID251 - the line's own stamp

    def of(self, at: float) -> str:
        """Return a time, given in unix seconds."""
        second = int(at)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((at - second) * 1000):03d}Z"


class JsonLines:
    """Makes JSON objects. With `client_ip` they hold the address that the connection came from."""

    def __init__(self, provider_of: ProviderOf, *, client_ip: bool = False) -> None:
        self._provider_of = provider_of
        self._client_ip = client_ip
        self._stamps = Stamps()
        self._encode = msgspec.json.Encoder().encode

    def line(self, visit: Request, duration_s: float, at: float) -> bytes:
        """Return the line of a request that ended at this time, in unix seconds."""
        scope, status, call = visit.scope, visit.status, visit.call
        method = scope["method"][:MAX_WORD]
        path = scope["path"][:MAX_CHARS]
        if call is None:
            path = foreign(path)
        line = AccessLine(
            self._stamps.of(at),
            "INFO" if status < SERVER_FAULT else "ERROR",
            LOGGER,
            f"{method} {path} {status}",
            visit.request_id,
            method,
            path,
            status,
            _ms(duration_s),
        )
        line.error = visit.error
        if call is not None:
            _add_call(line, call, self._provider_of)
        elif visit.subject:
            line.model = foreign(visit.subject[:MAX_CHARS])
        if visit.caller is not None:
            _add_caller(line, visit.caller)
        if line.error is not None:
            line.error = foreign(line.error[:MAX_WORD])  # it may be a provider's word
        if visit.head:
            _add_head(line, visit.head)
        _add_ids(line, visit)
        if self._client_ip and scope.get("client"):
            line.client_ip = scope["client"][0]
        return contained(self._encode(line)) + b"\n"

    def notice(self, text: str) -> bytes:
        """Return a line about the lines."""
        now = self._stamps.now()
        said = {"timestamp": now, "level": "WARNING", "logger": LOGGER, "message": text}
        return self._encode(said) + b"\n"


def _add_call(line: AccessLine, call: Call, provider_of: ProviderOf) -> None:
    entry = call.entry
    line.operation = call.operation
    line.stream = call.stream
    if call.tags:
        line.tags = tuple([foreign(tag) for tag in call.tags])
    if entry is None:
        line.model = foreign(call.model[:MAX_CHARS])
        return
    model, usage = entry.model, entry.usage
    line.model = model
    if model != call.model:
        line.asked_model = call.model
    line.outcome = entry.outcome
    line.error = line.error or entry.error
    line.attempts = len(entry.attempts)
    line.upstream_status = entry.status
    if entry.deployment is not None:
        line.deployment = entry.deployment
        line.provider = provider_of(entry.deployment)
    line.input_tokens, line.cache_read_tokens, line.cache_write_tokens = usage[:3]
    line.output_tokens, line.reasoning_tokens = usage[3:5]
    line.estimated = usage.estimated
    line.cost = entry.cost_nano / NANO
    line.currency = entry.currency
    line.overhead_ms = _ms(entry.overhead_s)
    if entry.first_content_s is not None:
        line.first_token_ms = _ms(entry.first_content_s)


def _add_caller(line: AccessLine, caller: Caller) -> None:
    line.key_id = caller.key_id
    line.project = caller.project
    if caller.tag is not None and caller.project is None:
        line.project = foreign(caller.tag[:MAX_CHARS])


def _add_head(line: AccessLine, head: bytes) -> None:
    at = head.find(UPSTREAM_ID)
    if at >= 0:
        line.upstream_request_id = _id(_rest(head, at + len(UPSTREAM_ID)))
    at = head.find(CACHE)
    if at >= 0:
        line.cache = _rest(head, at + len(CACHE)).decode("latin-1")


def _add_ids(line: AccessLine, visit: Request) -> None:
    headers = visit.headers
    for name in CLIENT_IDS:
        if name in headers:
            line.client_request_id = _id(headers[name])
            break
    trace = visit.trace
    if trace is not None:
        line.trace_id, line.span_id = f"{trace.trace_id:032x}", f"{trace.span_id:016x}"


def _rest(head: bytes, at: int) -> bytes:
    """Return what is left of a line that goes on here."""
    end = head.find(b"\n", at)
    return head[at:end] if end >= 0 else head[at:]


def _id(value: bytes) -> str:
    return HIDDEN.hide(value[:MAX_ID].decode("latin-1"))


def foreign(text: str) -> str:
    """Return what somebody else wrote without secrets, and such that it can be encoded."""
    text = HIDDEN.hide(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _ms(seconds: float) -> float:
    """Return milliseconds with three digits behind the point."""
    return int(seconds * MEGA + 0.5) / 1000
