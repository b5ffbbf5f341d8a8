"""Requests that have ended, as access lines see them."""

from dataclasses import dataclass, field
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.usage import Usage
from llmproxy.infra.wire.json_object import JsonObject

REQUEST_ID = "req_0123456789abcdef01234567"
CALLER = Caller("key_1", "alpha", None, admin=False, expires_at=None)


def post() -> dict[str, Any]:
    """The scope of a chat completion."""
    return {"method": "POST", "path": "/v1/chat/completions", "client": ("192.0.2.7", 4711)}


@dataclass
class Visit:
    """What a line says of a request."""

    scope: Any = field(default_factory=post)
    request_id: str = REQUEST_ID
    status: int = 200
    subject: str = "mini"
    headers: dict[bytes, bytes] = field(default_factory=dict)
    head: bytes = b""
    error: str | None = None
    caller: Caller | None = None
    call: Call | None = None
    trace: Trace | None = None
    kept_bytes: int = 0


def call(entry: Closed | None = None, model: str = "mini", caller: Caller = CALLER) -> Call:
    """A call that has ended like this; not yet, or never admitted, without an entry."""
    body = JsonObject(b"{}")
    operation = Operation.CHAT_COMPLETION
    made = Call(
        REQUEST_ID, caller, Endpoint.CHAT_COMPLETIONS, operation, model, body, 2, None, 1,
        stream=False, silence_s=None, started_at=0.0,
    )  # fmt: skip
    made.entry = entry
    return made


def closed(outcome: Outcome = Outcome.FINISHED, **other: Any) -> Closed:  # noqa: ANN401
    """What the journal was told of the end of a call."""
    entry = Closed(
        REQUEST_ID, 1.0, "key_1", "alpha", "mini", "ChatCompletion", "azure-1", outcome, 200, None,
        [Attempt("azure-1", None, 0.1, 200)], Usage(12, 3, 0, 33, 4), 12_345, "USD", 1, 0.5, 0.25,
        0.0003125, stream=False,
    )  # fmt: skip
    for name, value in other.items():
        setattr(entry, name, value)
    return entry
