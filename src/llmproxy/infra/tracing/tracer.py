"""A record is made when a request arrives, counted and perhaps handed over when it has ended.

This is all of tracing that the event loop sees: no object of OpenTelemetry's, no waiting, no lock.
Requests that have ended are looked at many in a row, as their lines in the log are made.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.trace import SAMPLED, Trace
from llmproxy.infra.tracing.context import RANDOM, parent_of, state_of
from llmproxy.infra.tracing.record import Asked, Ended, Visit
from llmproxy.infra.tracing.sampling import Sampler

logger = logging.getLogger("llmproxy.tracing")

MAX_WAITING: Final = 32_768
"""Followed requests that have ended and were not looked at yet."""
TOGETHER: Final = 64
"""So many wait to be looked at, at most: until then each holds on to what was asked."""
HEAVY_BYTES: Final = 16 * 1024
"""One that holds more is looked at as it ends, and those before it with it. As in the log: what
both hold is held once."""
FOLLOWED: Final = "/v1/"
"""Health, metrics and administration are not followed."""
PARAMETERS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
"""Numbers of a request that its spans tell."""

Count = Callable[[Visit, Trace, float], None]
"""Counts a request that has ended at this monotonic time."""


class Tracer:
    """`ended` holds requests that are followed, which a thread takes.

    What finds it full is dropped, and counted. `count` is told of every request. Somebody has to
    call `look` a few times a second.
    """

    def __init__(self, sampler: Sampler, count: Count | None = None) -> None:
        self._sampled = sampler
        self._count = count
        bits = Random(os.urandom(32)).getrandbits  # noqa: S311 - ids must be unique, not secret
        self._bits = bits
        self._new_id = lambda: bits(64) or 1
        self.ended: deque[Ended] = deque()
        self._unseen: list[tuple[Visit, Trace, float]] = []
        self._dropped = self._broken = 0

    def begin(self, visit: Visit) -> Trace | None:
        """Return the record of a request, None for one that is not followed."""
        if not visit.scope["path"].startswith(FOLLOWED):
            return None
        line = visit.headers.get(b"traceparent")
        parent = None if line is None else parent_of(line)
        if parent is None:
            trace_id = self._bits(128) or 1
            flags = SAMPLED if self._sampled(trace_id, None) else 0
            trace = Trace(trace_id, 0, flags, b"", self._new_id)
        else:
            flags = parent.flags & RANDOM
            if self._sampled(parent.trace_id, parent):
                flags |= SAMPLED
            trace = Trace(parent.trace_id, parent.span_id, flags, _state(visit), self._new_id)
        trace.carry(trace.span_id)
        return trace

    def end(self, visit: Visit, ended_at: float) -> None:
        """Note that a request has ended."""
        trace = visit.trace
        if trace is None or (self._count is None and not trace.flags & SAMPLED):
            return
        unseen = self._unseen
        unseen.append((visit, trace, ended_at))
        if len(unseen) >= TOGETHER or visit.kept_bytes > HEAVY_BYTES:
            self.look()

    def look(self) -> None:
        """Tell of the requests that have ended since."""
        unseen, self._unseen = self._unseen, []
        count = self._count
        for visit, trace, ended_at in unseen:
            try:
                if count is not None:
                    count(visit, trace, ended_at)
                if trace.flags & SAMPLED:
                    self._tell(visit, ended_of(visit, trace, ended_at))
            except Exception:  # others must not be lost with it, nor the request that ends now
                self._broken += 1
                if self._broken == 1:
                    logger.exception("tracing: a request cannot be told; others are not logged")

    def _tell(self, visit: Visit, ended: Ended) -> None:
        if len(self.ended) < MAX_WAITING:
            self._follow(visit, ended)
        else:
            self._dropped += 1

    def _follow(self, visit: Visit, ended: Ended) -> None:
        """Hand over a request; there is room."""
        del visit
        self.ended.append(ended)

    def counts(self) -> Mapping[str, float]:
        """Return how many records wait, were dropped, and could not be told."""
        return {
            "requests_waiting": len(self._unseen) + len(self.ended),
            "requests_dropped": self._dropped,
            "requests_broken": self._broken,
        }


def ended_of(visit: Visit, trace: Trace, ended_at: float) -> Ended:
    """Return what is told of a request that has ended and is followed."""
    scope, call = visit.scope, visit.call
    return Ended(
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
        None if call is None else _asked(call),
    )


def _asked(call: Call) -> Asked:
    parameters: tuple[bytes | None, ...] = ()
    if call.upload is None:
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
