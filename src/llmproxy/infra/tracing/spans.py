"""From the record of a request to spans: one for the request, one for each attempt.

Made in a thread of its own, with the SDK's own classes, since every exporter takes those.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from llmproxy.application.interfaces.trace import Trace, Tried
from llmproxy.infra.tracing.attributes import (
    NANO,
    Attributes,
    asked_for,
    of_end,
    of_place,
    of_request,
)
from llmproxy.infra.tracing.contents import Contents
from llmproxy.infra.tracing.figures import error_of
from llmproxy.infra.tracing.naming import OPERATIONS, Places, method_of, route_of
from llmproxy.infra.tracing.record import Asked, Ended

FIRST_CONTENT: Final = "llmproxy.first_content"
SAMPLE_RATE: Final = "_MS.sampleRate"
"""What Application Insights multiplies its counts by, in percent (azure-monitor-opentelemetry-
exporter, `_constants.py`)."""
UNSET: Final = Status(StatusCode.UNSET)


class SpanMaker:
    """What Application Insights needs beside the conventions is there with `for_azure`.

    That is the older `gen_ai.system`, by which it tells GenAI, and the provider's status under a
    name that its exporter leaves. `rate_percent` says how many of the traces that begin here are
    followed, where that is known; `contents` are told on the spans of requests.
    """

    def __init__(
        self,
        resource: Resource,
        version: str,
        places: Places,
        *,
        for_azure: bool,
        rate_percent: float | None,
        contents: Contents | None = None,
    ) -> None:
        self._resource = resource
        self.scope = InstrumentationScope("llmproxy", version)
        self._places = places
        self._for_azure = for_azure
        self._rate_percent = rate_percent
        self._contents = contents

    def spans(self, ended: Ended, offset_s: float) -> Iterator[ReadableSpan]:
        """Yield the request's span and those of its attempts.

        `offset_s` is what wall time is ahead of the monotonic clock.
        """
        trace = ended.trace
        context = Contexts(trace)
        own = context(trace.span_id)
        extra: Attributes = {}
        if self._rate_percent is not None and not trace.parent_id:
            extra[SAMPLE_RATE] = self._rate_percent
        entry = None if ended.asked is None else ended.asked.entry
        error = error_of(ended.status, ended.error, entry)
        said = of_request(ended, error) | extra
        if self._contents is not None:
            said |= self._contents.attributes(trace.span_id)
        method, route = method_of(ended.method), route_of(ended.path)
        yield ReadableSpan(
            name=method if route is None else f"{method} {route}",
            context=own,
            parent=context(trace.parent_id, remote=True) if trace.parent_id else None,
            resource=self._resource,
            attributes=said,
            kind=SpanKind.SERVER,
            status=_status(error),
            start_time=_nano(ended.started_at + offset_s),
            end_time=_nano(ended.ended_at + offset_s),
            instrumentation_scope=self.scope,
        )
        if ended.asked is None or not trace.tries:
            return
        extra |= asked_for(ended.asked)
        for tried in trace.tries:
            contexts = context(tried.span_id), own
            yield self._attempt(ended, ended.asked, tried, contexts, extra, offset_s)

    def forget(self, ended: Ended) -> None:
        """Let go of what is kept for a record of which no span is made."""
        if self._contents is not None:
            self._contents.forget(ended.trace.span_id)

    def _attempt(
        self,
        ended: Ended,
        asked: Asked,
        tried: Tried,
        contexts: tuple[SpanContext, SpanContext],
        extra: Attributes,
        offset_s: float,
    ) -> ReadableSpan:
        place, attempt = self._places.of(tried.model), tried.attempt
        operation = OPERATIONS[asked.endpoint]
        end = of_end(tried, asked, for_azure=self._for_azure)
        attributes = of_place(operation, place, for_azure=self._for_azure) | extra | end
        attributes["llmproxy.attempt"] = tried.number
        events: tuple[Event, ...] = ()
        at = _first_content_at(ended, asked, tried)
        if at is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = max(0.0, at - tried.began)
            events = (Event(FIRST_CONTENT, timestamp=_nano(at + offset_s)),)
        ends_at = ended.ended_at if attempt is None else tried.began + attempt.duration_s
        error = end.get("error.type")
        return ReadableSpan(
            name=f"{operation} {place.model}",
            context=contexts[0],
            parent=contexts[1],
            resource=self._resource,
            attributes=attributes,
            events=events,
            kind=SpanKind.CLIENT,
            status=_status(None if error is None else str(error)),
            start_time=_nano(tried.began + offset_s),
            end_time=_nano(ends_at + offset_s),
            instrumentation_scope=self.scope,
        )


class Contexts:
    """Makes the contexts of spans of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace_id = trace.trace_id
        self._flags = TraceFlags(trace.flags)
        text = trace.state.decode("ascii")
        self._state = TraceState.from_header([text]) if text else TraceState()

    def __call__(self, span_id: int, *, remote: bool = False) -> SpanContext:
        """Return the context of one span."""
        return SpanContext(self._trace_id, span_id, remote, self._flags, self._state)


def _first_content_at(ended: Ended, asked: Asked, tried: Tried) -> float | None:
    """When content began, in monotonic seconds: told of the attempt that was under way then."""
    entry = asked.entry
    if entry is None or entry.first_content_s is None or tried is not ended.trace.answering():
        return None
    return ended.started_at + entry.first_content_s


def _status(error: str | None) -> Status:
    return UNSET if error is None else Status(StatusCode.ERROR, error)


def _nano(at: float) -> int:
    return int(at * NANO)


def resource_of(service: str, version: str, more: Mapping[str, str]) -> Resource:
    """Return who tells all this; nothing of it is read from the environment here."""
    return Resource({"service.name": service, "service.version": version, **more})
