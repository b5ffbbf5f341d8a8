"""What a gateway has told of its requests, and whether that is what was promised."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from operator import add, sub

from bench.checks import WrongAnswerError
from bench.collector import Taken
from bench.figures import FiguresError, total
from bench.observed import Promise

_CHAT = 'route="/v1/chat/completions"'
_TRACING = "llmproxy_tracing"
SPANS_EACH = 2
"""One of the request, one of its only attempt."""
_SIGMAS = 6.0
"""A good run strays further once in 500 million: the share is drawn anew for each request."""


@dataclass(frozen=True, slots=True)
class Told:
    """Counts since the gateway began, or between two looks at it."""

    answers: int = 0
    """What the load has seen."""
    settled: int = 0
    """Calls in the journal, which does not depend on being watched."""
    requests: int = 0
    """For chats, in the figures by route."""
    calls: int = 0
    """In the figures by model."""
    lines: int = 0
    """About chats; of a gateway that is to write none, all."""
    sent: int = 0
    """Spans that were sent and taken, as the gateway says."""
    failed: int = 0
    dropped: int = 0
    """Spans for which there was no room."""
    unseen: int = 0
    """Requests whose spans were never made, for want of room."""
    broken: int = 0
    """Requests that could not be told."""
    spans: int = 0
    """Spans that the collector has."""
    messages: int = 0
    message_bytes: int = 0

    @property
    def made(self) -> int:
        """Spans that were made, whatever became of them."""
        return self.sent + self.failed + self.dropped

    def __add__(self, other: "Told") -> "Told":
        return Told(*map(add, self._all(), other._all()))

    def __sub__(self, other: "Told") -> "Told":
        return Told(*map(sub, self._all(), other._all()))

    def _all(self) -> list[int]:
        return [getattr(self, field.name) for field in fields(self)]


def told_in(text: str, taken: Taken) -> Told:
    """Read what /metrics says, beside what the collector has; lines and answers are left at 0.

    Raises FiguresError where something is still to be told.
    """

    def count(name: str, label: str = "") -> int:
        return int(total(text, name, label))

    waiting = count(f"{_TRACING}_requests_waiting"), count(f"{_TRACING}_spans_waiting")
    if any(waiting):
        raise FiguresError(f"{waiting[0]} requests and {waiting[1]} spans still wait to be told")
    return Told(
        settled=count("llmproxy_ledger_closed_total"),
        requests=count("llmproxy_http_requests_total", _CHAT),
        calls=count("llmproxy_requests_total"),
        sent=count(f"{_TRACING}_spans_sent_total"),
        failed=count(f"{_TRACING}_spans_failed_total"),
        dropped=count(f"{_TRACING}_spans_dropped_total"),
        unseen=count(f"{_TRACING}_requests_dropped_total"),
        broken=count(f"{_TRACING}_requests_broken_total"),
        spans=taken.spans,
        messages=taken.messages,
        message_bytes=taken.message_bytes,
    )


def prove(name: str, told: Told, promise: Promise) -> None:
    """Whether it did in one measurement what it is measured for. Raises WrongAnswerError."""
    faults = [*_of_calls(told, promise), *_of_spans(told, promise)]
    if faults:
        raise WrongAnswerError(f"{name}: {'; '.join(faults)}: {told}")


def _of_calls(told: Told, promise: Promise) -> Iterator[str]:
    if told.settled < told.answers:
        yield "calls were not settled"
    if not promise.observed:
        if told.requests or told.calls or told.lines:
            yield "it was to count nothing and to write nothing"
        return
    if told.requests != told.answers:
        yield "requests in the figures are not those of the load"
    if told.calls < told.answers:
        yield "calls are missing in the figures"
    if told.lines != told.requests:
        yield "not every request has left one line"


def _of_spans(told: Told, promise: Promise) -> Iterator[str]:
    share, seen = promise.followed, told.requests - told.unseen
    if told.spans != told.sent:
        yield "the collector has not what was sent"
    if told.failed or told.broken:
        yield "not everything could be told"
    stray = SPANS_EACH * _SIGMAS * math.sqrt(seen * share * (1 - share))
    if abs(told.made - SPANS_EACH * seen * share) > stray:
        yield f"{told.made} spans are not those of {share:.0%} of the requests"
