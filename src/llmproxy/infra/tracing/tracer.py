"""A record is made when a request arrives, and handed over when it has ended.

This is all of tracing that the event loop sees: no object of OpenTelemetry's, no waiting, no lock.
"""

import os
from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.tracing.context import RANDOM, SAMPLED, parent_of, state_of
from llmproxy.infra.tracing.sampling import Sampler

MAX_WAITING: Final = 32_768
"""Requests that have ended and were not looked at yet: some seconds of a busy worker."""
FOLLOWED: Final = "/v1/"
"""Health, metrics and administration are not followed."""


PARAMETERS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
"""Numbers of a request that its spans tell."""


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


class Tracer:
    """`ended` holds what the thread takes; what finds it full is dropped, and counted."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampled = sampler
        bits = Random(os.urandom(32)).getrandbits  # noqa: S311 - ids must be unique, not secret
        self._bits = bits
        self._new_id = lambda: bits(64) or 1
        self.ended: deque[Ended] = deque()
        self._dropped = 0

    def begin(self, visit: Visit) -> Trace | None:
        """Return the record of a request, None for one that is not followed."""
        if not visit.scope["path"].startswith(FOLLOWED):
            return None
        line = visit.headers.get(b"traceparent")
        parent = None if line is None else parent_of(line)
        if parent is None:
            trace_id, parent_id, flags, state = self._bits(128) or 1, 0, 0, b""
        else:
            trace_id, parent_id = parent.trace_id, parent.span_id
            flags, state = parent.flags & RANDOM, _state(visit)
        if self._sampled(trace_id, parent):
            flags |= SAMPLED
        trace = Trace(trace_id, parent_id, flags, state, self._new_id)
        trace.carry(trace.span_id)
        return trace

    def end(self, visit: Visit, ended_at: float) -> None:
        """Hand over the record of a request that has ended."""
        trace = visit.trace
        if trace is None:
            return
        if len(self.ended) >= MAX_WAITING:
            self._dropped += 1
            return
        scope, call = visit.scope, visit.call
        self.ended.append(
            Ended(
                trace,
                scope["method"],
                scope["path"],
                visit.status,
                visit.error,
                visit.started_at,
                ended_at,
                visit.request_id,
                visit.caller,
                visit.head,
                scope.get("scheme", "http"),
                scope.get("server"),
                None if call is None else _asked(call, trace),
            )
        )

    def counts(self) -> Mapping[str, float]:
        """Return how many records wait, and how many were dropped."""
        return {"requests_waiting": len(self.ended), "requests_dropped": self._dropped}


def _asked(call: Call, trace: Trace) -> Asked:
    parameters: tuple[bytes | None, ...] = ()
    if trace.flags & SAMPLED and call.upload is None:
        parameters = tuple([call.body.value(name) for name in PARAMETERS])
    return Asked(
        call.endpoint,
        call.model,
        call.stream,
        call.choices,
        call.max_output_tokens,
        call.entry,
        parameters,
    )


def _state(visit: Visit) -> bytes:
    if b"tracestate" not in visit.headers:
        return b""
    # It may stand in several lines, and a dict holds the last.
    return state_of(value for name, value in visit.scope["headers"] if name == b"tracestate")
