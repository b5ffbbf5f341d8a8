"""What is noted of a request while it runs, for those who follow it across systems.

Nothing here is exported: an adapter makes the record at the door and reads it when the request has
ended. While tracing is off there is no record, and `Call.trace` is None.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.domain.model import Model

_UNDER_WAY: Final[ContextVar["tuple[Trace, int] | None"]] = ContextVar("_UNDER_WAY", default=None)
"""The span within which providers are asked now.

A variable of the context, since two deployments may be asked at once, each in a task of its own.
"""

SAMPLED: Final = 0b01
"""The flag of W3C's Trace Context for what is exported."""
MAX_TRIES: Final = 64
"""More attempts of one request than this are not noted."""


class Tried:
    """One attempt at a deployment: `began` is in monotonic seconds, `number` counts from 1.

    `attempt` is what the journal says of its end; None while it works, and for a session, whose
    attempt ends with the request.
    """

    __slots__ = ("attempt", "began", "model", "number", "span_id")

    def __init__(self, model: Model, began: float, span_id: int, number: int) -> None:
        self.model = model
        self.began = began
        self.span_id = span_id
        self.number = number
        self.attempt: Attempt | None = None


class Trace:
    """One request. Ids are the numbers of W3C's Trace Context, `parent_id` 0 where there is none.

    `flags` are its trace flags, with `SAMPLED` for what is exported. `state` is its `tracestate`,
    empty where there is none. Providers are told of the span of the attempt; where none is
    exported, of the request's.
    """

    __slots__ = ("_new_id", "flags", "parent_id", "span_id", "state", "trace_id", "tries")

    def __init__(
        self,
        trace_id: int,
        parent_id: int,
        flags: int,
        state: bytes,
        new_id: Callable[[], int],
    ) -> None:
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.flags = flags
        self.state = state
        self.span_id = new_id()
        self.tries: list[Tried] = []
        self._new_id = new_id

    def carry(self, span_id: int) -> None:
        """From now on let what is asked of a provider in this context name `span_id` as parent."""
        _UNDER_WAY.set((self, span_id))

    def tried(self, model: Model, began: float) -> Tried | None:
        """Note that a deployment is asked now, in this context. None when that is not noted."""
        tries = self.tries
        number = len(tries) + 1
        if number > MAX_TRIES:
            return None
        if self.flags & SAMPLED:
            span_id = self._new_id()
            self.carry(span_id)
        else:
            span_id = self.span_id  # no span is made of it
        tried = Tried(model, began, span_id, number)
        tries.append(tried)
        return tried

    def answering(self) -> Tried | None:
        """Return the attempt that answered, else the last: of two at once the first may be that."""
        for tried in reversed(self.tries):
            if tried.attempt is None or tried.attempt.error is None:
                return tried
        return self.tries[-1] if self.tries else None


def outgoing() -> bytes:
    """Return the header lines that tell a provider of the span it is asked in, each with its CRLF.

    Empty where nobody follows.
    """
    under_way = _UNDER_WAY.get()
    if under_way is None:
        return b""
    trace, span_id = under_way
    line = b"traceparent: 00-%032x-%016x-%02x\r\n" % (trace.trace_id, span_id, trace.flags)
    return line + b"tracestate: %b\r\n" % trace.state if trace.state else line
