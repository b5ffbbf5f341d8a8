"""Figures in the form that the SDK's exporters take."""

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from llmproxy.infra.tracing.histograms import Counted, Figure, Labels, Series


def metrics_data(
    counted: Counted,
    about: tuple[Resource, InstrumentationScope],
    since_ns: int,
    now_ns: int,
    *,
    delta: bool,
) -> MetricsData | None:
    """Return what was counted from `since_ns` until now, None when that is nothing."""
    resource, scope = about
    temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    metrics = [
        Metric(
            figure.name,
            figure.meaning,
            figure.unit,
            Histogram(
                [_point(figure, labels, each, since_ns, now_ns) for labels, each in series.items()],
                temporality,
            ),
        )
        for figure, series in counted.items()
        if series
    ]
    if not metrics:
        return None
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, metrics, "")], "")])


def _point(
    figure: Figure, labels: Labels, series: Series, since_ns: int, now_ns: int
) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=since_ns,
        time_unix_nano=now_ns,
        count=series.count,
        sum=series.total,
        bucket_counts=tuple(series.buckets),
        explicit_bounds=figure.bounds,
        min=series.lowest,
        max=series.highest,
    )
