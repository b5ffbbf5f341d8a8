"""What is told of a request when it has ended."""

from typing import Any, NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint


class Visit(Protocol):
    """What is read of a request."""

    scope: Any
    headers: dict[bytes, bytes]
    request_id: str
    status: int
    started_at: float
    caller: Caller | None
    call: Call | None
    error: str | None
    head: bytes
    trace: Trace | None

    @property
    def kept_bytes(self) -> int:
        """Of what was asked and answered, about how much it holds on to."""


class Asked(NamedTuple):
    """What is told of a call: not the call itself, which holds the body of its request.

    `model` is the name that the caller gave, `entry` what the journal was told of the call's end.
    The numbers of `parameters` are JSON.
    """

    endpoint: Endpoint
    model: str
    stream: bool
    choices: int
    max_output_tokens: int | None
    entry: Closed | None
    parameters: tuple[bytes | None, ...]


class Ended(NamedTuple):
    """A request that has ended. Times are monotonic seconds, `head` the lines of the answer."""

    trace: Trace
    method: str
    path: str
    status: int
    error: str | None
    started_at: float
    ended_at: float
    request_id: str
    caller: Caller | None
    head: bytes
    scheme: str
    server: tuple[str, int | None] | None
    asked: Asked | None
