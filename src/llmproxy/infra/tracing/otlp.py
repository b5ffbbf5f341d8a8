"""To a collector by OTLP: protobuf over HTTP.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

from llmproxy.infra.tracing.otlp_spans import SpanExporter
from llmproxy.infra.tracing.sender import Destination


def collector(  # noqa: PLR0913 - what the variables of OpenTelemetry say
    traces_url: str | None,
    metrics_url: str | None,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    gzip: bool,
    certificate: str | None,
    metrics_every_s: float,
) -> Destination:
    """Return the collector. All is said here, so that nothing of it is read elsewhere."""
    compression = Compression.Gzip if gzip else Compression.NoCompression
    spans = metrics = None
    if traces_url is not None:
        spans = SpanExporter(
            endpoint=traces_url,
            certificate_file=certificate,
            headers=dict(headers),
            timeout=timeout_s,
            compression=compression,
        )
    if metrics_url is not None:
        metrics = OTLPMetricExporter(
            endpoint=metrics_url,
            certificate_file=certificate,
            headers=dict(headers),
            timeout=timeout_s,
            compression=compression,
        )
    return Destination("collector", spans, metrics, delta=False, metrics_every_s=metrics_every_s)
