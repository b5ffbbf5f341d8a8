"""What an OTLP collector makes of the messages: spans and figures, by OpenTelemetry's schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.api.asking import within
from tests.api.tracing.receiver import Receiver

PATIENCE_S = 30.0
SERVER, CLIENT = 2, 3
UNSET, ERROR = 0, 2


@dataclass(frozen=True)
class Span:
    """One span; ids are hexadecimal, times nanoseconds."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    attributes: Mapping[str, Any]
    status: int
    message: str
    began: int
    ended: int
    events: tuple[str, ...]
    resource: Mapping[str, Any]


def spans(receiver: Receiver) -> list[Span]:
    """All spans that have arrived."""
    return [span for body in receiver.bodies("/v1/traces") for span in _spans(body)]


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.trace_state,
                    _attributes(span.attributes),
                    span.status.code,
                    span.status.message,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    tuple(event.name for event in span.events),
                    about,
                )


def _attributes(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf has no types here
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def arrived(receiver: Receiver, count: int) -> list[Span]:
    """All spans, once there are so many. Raises AssertionError when there are more or less."""
    within(PATIENCE_S, lambda: len(spans(receiver)) >= count)
    found = spans(receiver)
    assert len(found) == count, [(each.name, dict(each.attributes)) for each in found]
    return found


def apart(found: list[Span]) -> tuple[list[Span], list[Span]]:
    """The spans of requests, and those of attempts in the order of their numbers."""
    requests = [each for each in found if each.kind == SERVER]
    attempts = [each for each in found if each.kind == CLIENT]
    assert len(requests) + len(attempts) == len(found)
    return requests, sorted(attempts, key=lambda each: each.attributes["llmproxy.attempt"])


@dataclass(frozen=True)
class Point:
    """One series of a histogram."""

    attributes: Mapping[str, Any]
    count: int
    total: float


def figures(receiver: Receiver) -> dict[str, list[Point]]:
    """The series of every histogram, as the last message tells them; they are cumulative."""
    bodies = receiver.bodies("/v1/metrics")
    if not bodies:
        return {}
    found: dict[str, list[Point]] = {}
    for resource in ExportMetricsServiceRequest.FromString(bodies[-1]).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                assert metric.histogram.aggregation_temporality == 2  # cumulative
                found[metric.name] = [
                    Point(_attributes(each.attributes), each.count, each.sum)
                    for each in metric.histogram.data_points
                ]
    return found


def counted(receiver: Receiver) -> int:
    """How many requests the figures tell of."""
    return sum(each.count for each in figures(receiver).get("http.server.request.duration", []))
