"""Exporters that keep what they are given, and do as they are told."""

import threading
from collections.abc import Sequence

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from typing_extensions import override


class FakeSpanExporter(SpanExporter):
    """Takes batches while `takes` is set, and not before `open` is."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.takes = True
        self.ended = False
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        self.open.wait(10)
        if not self.takes:
            return SpanExportResult.FAILURE
        self.batches.append([span.name for span in spans])
        return SpanExportResult.SUCCESS

    @override
    def shutdown(self) -> None:
        self.ended = True


class FakeMetricExporter(MetricExporter):
    """Keeps how often each histogram was said to have counted."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[dict[str, int]] = []
        self.takes = True

    @override
    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: object,
    ) -> MetricExportResult:
        if not self.takes:
            return MetricExportResult.FAILURE
        [resource] = metrics_data.resource_metrics
        [scope] = resource.scope_metrics
        self.counted.append(
            {
                metric.name: sum(getattr(point, "count", 0) for point in metric.data.data_points)
                for metric in scope.metrics
            }
        )
        return MetricExportResult.SUCCESS

    @override
    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    @override
    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Nothing is held."""
