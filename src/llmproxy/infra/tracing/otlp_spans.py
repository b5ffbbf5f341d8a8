"""Spans in OTLP's protobuf, and their exporter.

OpenTelemetry's encoder makes an object of protobuf's for every attribute: of what it costs to
follow a request that was more than half. Here bytes are put together, and what repeats from span
to span is made once. https://github.com/open-telemetry/opentelemetry-proto (trace/v1/trace.proto,
common/v1/common.proto) has the messages, https://protobuf.dev/programming-guides/encoding/ how
they are written: a field is its number and kind, then its value, whose length comes first.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue
from typing_extensions import override

REPEATED: Final = 4_096
"""Attributes that are kept as they are written."""
SHORT: Final = 100
"""A longer text is not kept: it may be what was asked and answered."""
_KINDS: Final = {kind: bytes((0x30, kind.value + 1)) for kind in SpanKind}
"""The field `kind`: in OTLP 0 stands for none."""
_IDS: Final = Struct(">2sQQ2sQ").pack
_TIMES: Final = Struct("<BQBQ").pack
_DOUBLE: Final = Struct("<Bd").pack
_FLAGS: Final = Struct("<HI").pack
_FLAGS_FIELD: Final = 0x0185
_AT: Final = Struct("<BQ").pack
_LOW: Final = (1 << 64) - 1
_IS_REMOTE_KNOWN: Final = 0x100
_IS_REMOTE: Final = 0x200


class SpanExporter(OTLPSpanExporter):
    """Sends spans of one resource and one scope; how, and how often, is OpenTelemetry's."""

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them. Raises ValueError for what cannot be told."""
        sent = self._client.export(request_of(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def request_of(spans: Sequence[ReadableSpan]) -> bytes:
    """Return an ExportTraceServiceRequest with these spans, which have one resource and scope."""
    resource, scope = spans[0].resource, spans[0].instrumentation_scope
    about = b"" if scope is None else _text(0x0A, scope.name) + _text(0x12, scope.version or "")
    in_scope = _field(0x0A, about) + b"".join([_field(0x12, _span(each)) for each in spans])
    whose = _field(0x0A, b"".join(_attributes(0x0A, resource.attributes)))
    return _field(0x0A, whose + _field(0x12, in_scope))


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.context, span.parent
    if context is None or span.start_time is None or span.end_time is None:
        raise ValueError("a span without an id or a time")
    trace_id = context.trace_id
    pieces = [
        _IDS(b"\x0a\x10", trace_id >> 64, trace_id & _LOW, b"\x12\x08", context.span_id),
        _TIMES(0x39, span.start_time, 0x41, span.end_time),
        _text(0x2A, span.name),
        _KINDS[span.kind],
        _parent(parent),
        *_attributes(0x4A, span.attributes or {}),
    ]
    if context.trace_state:
        pieces.append(_text(0x1A, context.trace_state.to_header()))
    pieces += [_field(0x5A, _event(event)) for event in span.events]
    pieces.append(_field(0x7A, _status(span.status)))
    return b"".join(pieces)


def _parent(parent: SpanContext | None) -> bytes:
    """Return whose part a span is, and whether that is here or elsewhere."""
    if parent is None:
        return _FLAGS(_FLAGS_FIELD, _IS_REMOTE_KNOWN)
    flags = _IS_REMOTE_KNOWN | (_IS_REMOTE if parent.is_remote else 0)
    return b"\x22\x08" + parent.span_id.to_bytes(8) + _FLAGS(_FLAGS_FIELD, flags)


def _event(event: Event) -> bytes:
    more = b"".join(_attributes(0x1A, event.attributes or {}))
    return _AT(0x09, event.timestamp) + _text(0x12, event.name) + more


def _status(status: Status) -> bytes:
    if status.status_code is StatusCode.UNSET:
        return b""
    return _text(0x12, status.description or "") + bytes((0x18, status.status_code.value))


def _attributes(tag: int, attributes: Mapping[str, AnyValue]) -> Iterable[bytes]:
    for name, value in attributes.items():
        repeats = len(value) <= SHORT if isinstance(value, str) else type(value) is int
        yield _repeated(tag, name, value) if repeats else _attribute(tag, name, value)


def _attribute(tag: int, name: str, value: AnyValue) -> bytes:
    return _field(tag, _text(0x0A, name) + _field(0x12, _value(value)))


_repeated = lru_cache(REPEATED, typed=True)(_attribute)


def _value(value: AnyValue) -> bytes:
    """Return an AnyValue. Raises ValueError for a kind that no span of ours has."""
    match value:
        case str():
            return _field(0x0A, value.encode("utf-8", "replace"))
        case bool():
            return bytes((0x10, value))
        case int():
            return b"\x18" + _varint(value & _LOW)
        case float():
            return _DOUBLE(0x21, value)
        case tuple():
            return _field(0x2A, b"".join([_field(0x0A, _value(each)) for each in value]))
    raise ValueError(f"an attribute of the kind {type(value).__name__}")


def _text(tag: int, text: str) -> bytes:
    """Return a field with a text, nothing for an empty one."""
    return _field(tag, text.encode("utf-8", "replace")) if text else b""


def _field(tag: int, content: bytes) -> bytes:
    """Return a field with bytes. `tag` is its number and kind: below 16 that is one byte."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag,)) + _varint(size) + content


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
