"""Spans as OpenTelemetry's own encoder writes them: it is asked for each, and must say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import AnyValue

from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.otlp import collector
from llmproxy.infra.tracing.otlp_spans import SHORT, SpanExporter, request_of
from llmproxy.infra.tracing.spans import SpanMaker, resource_of
from tests.unit.infra.tracing.test_figures import BAD, GOOD
from tests.unit.infra.tracing.visits import answered

RESOURCE = Resource({"service.name": "ours", "of.many": ("a", "b"), "long": "x" * 3 * SHORT})
SCOPE = InstrumentationScope("llmproxy", "1")
IDS = st.integers(1, 2**64 - 1)
TEXTS = st.one_of(st.text(max_size=8), st.text(min_size=SHORT - 1, max_size=2 * SHORT))
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from((0, 1, 1.0, True, "1", "")),
    st.floats(allow_nan=False),
    st.lists(st.text(max_size=4), max_size=3).map(tuple),
)
ATTRIBUTES = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=6)
TIMES = st.integers(1, 2**63)
STATUSES = st.builds(
    Status, st.just(StatusCode.ERROR), st.one_of(st.none(), st.text(max_size=9))
) | st.sampled_from((Status(StatusCode.UNSET), Status(StatusCode.OK)))
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    IDS,
    st.booleans(),
    st.just(TraceFlags(1)),
    st.sampled_from((TraceState(), TraceState([("a", "1"), ("b", "2")]))),
)
SPANS = st.builds(
    ReadableSpan,
    name=st.text(max_size=9),
    context=CONTEXTS,
    parent=st.one_of(st.none(), CONTEXTS),
    resource=st.just(RESOURCE),
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(Event, st.text(max_size=5), ATTRIBUTES, TIMES), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=STATUSES,
    start_time=TIMES,
    end_time=TIMES,
    instrumentation_scope=st.just(SCOPE),
)


@given(st.lists(SPANS, min_size=1, max_size=3))
def test_as_the_sdk_writes_them(spans: list[ReadableSpan]) -> None:
    """Whatever a span says is read as what OpenTelemetry's encoder has written."""
    assert ExportTraceServiceRequest.FromString(request_of(spans)) == encode_spans(spans)


def test_ours() -> None:
    """And so what our own spans say, message after message, byte for byte as long."""
    maker = SpanMaker(resource_of("ours", "1", {}), "1", Places(), for_azure=True, rate_percent=5.0)
    for _ in range(2):
        spans = list(maker.spans(answered(BAD, GOOD, first_content_s=1.5), 1e9))
        written, theirs = request_of(spans), encode_spans(spans)
        assert ExportTraceServiceRequest.FromString(written) == theirs
        assert len(written) == len(theirs.SerializeToString())


def test_who_writes_them() -> None:
    """A collector is sent spans by this, and not by what it takes the place of."""
    to = collector(
        "http://127.0.0.1:9/v1/traces", None, {}, timeout_s=1.0, gzip=False, certificate=None,
        metrics_every_s=60.0,
    )  # fmt: skip
    assert isinstance(to.spans, SpanExporter)


def span_of(name: str, attributes: dict[str, AnyValue], at: int | None = 1) -> ReadableSpan:
    """A span that says this."""
    return ReadableSpan(
        name,
        SpanContext(1, 2, is_remote=False),
        resource=RESOURCE,
        attributes=attributes,
        start_time=at,
        end_time=at,
    )


def test_texts_that_are_none() -> None:
    """Half a character of somebody's does not make collectors refuse all that is beside it."""
    written = request_of([span_of("\ud800", {"\udfff": "\ud800"})])
    [scope] = ExportTraceServiceRequest.FromString(written).resource_spans[0].scope_spans
    [read] = scope.spans
    [said] = read.attributes
    assert (read.name, said.key, said.value.string_value) == ("?", "?", "?")


def test_what_no_span_says() -> None:
    """It is refused rather than left out: the thread that sends says so in the log."""
    with pytest.raises(ValueError, match="without an id or a time"):
        request_of([span_of("x", {}, at=None)])
    with pytest.raises(ValueError, match="of the kind bytes"):
        request_of([span_of("x", {"a": b"bytes"})])
