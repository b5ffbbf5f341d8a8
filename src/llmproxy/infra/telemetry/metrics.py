"""Counters and a latency histogram, written in Prometheus' text format when somebody asks.

Labels are bounded: models are those registered, operations and outcomes are enumerations.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from typing_extensions import override

from llmproxy.application.interfaces.meter import Meter

BUCKETS_S = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
)
Gauges = Callable[[], Mapping[str, float]]
GaugesOfEach = Callable[[], Mapping[str, Mapping[str, float]]]
"""Figures by name, then by what they are about."""


class _Series:
    __slots__ = ("buckets", "total_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0


class Metrics(Meter):
    """One worker's figures. `gauge` adds what is read only when the metrics are asked for."""

    def __init__(self) -> None:
        self._series: defaultdict[tuple[str, str, str], _Series] = defaultdict(_Series)
        self._gauges: dict[str, Gauges] = {}
        self._of_each: dict[str, GaugesOfEach] = {}

    @override
    def settled(self, *, model: str, operation: str, outcome: str, duration_s: float) -> None:
        series = self._series[model, operation, outcome]
        series.buckets[bisect_left(BUCKETS_S, duration_s)] += 1
        series.total_s += duration_s

    def gauge(self, prefix: str, read: Gauges) -> None:
        """Report each figure of `read()` as `llmproxy_<prefix>_<name>`."""
        self._gauges[prefix] = read

    def gauge_of_each(self, kind: str, read: GaugesOfEach) -> None:
        """Report each figure of `read()` as `llmproxy_<kind>_<name>{<kind>="…"}`."""
        self._of_each[kind] = read

    def text(self) -> str:
        """Return the exposition, ending in a line feed."""
        lines = [*self._histogram(), *self._gauge_lines(), *self._lines_of_each()]
        return "\n".join(lines) + "\n"

    def _lines_of_each(self) -> Iterator[str]:
        for kind, read in self._of_each.items():
            for name, values in read().items():
                yield f"# TYPE llmproxy_{kind}_{name} gauge"
                for each, value in values.items():
                    yield f'llmproxy_{kind}_{name}{{{kind}="{_escaped(each)}"}} {value}'

    def _histogram(self) -> Iterator[str]:
        name = "llmproxy_request_duration_seconds"
        yield f"# HELP {name} From arrival to settlement of admitted calls."
        yield f"# TYPE {name} histogram"
        for (model, operation, outcome), series in sorted(self._series.items()):
            labels = f'model="{_escaped(model)}",operation="{operation}",outcome="{outcome}"'
            count = 0
            for bound, here in zip((*BUCKETS_S, "+Inf"), series.buckets, strict=True):
                count += here
                yield f'{name}_bucket{{{labels},le="{bound}"}} {count}'
            yield f"{name}_sum{{{labels}}} {series.total_s:.6f}"
            yield f"{name}_count{{{labels}}} {count}"

    def _gauge_lines(self) -> Iterator[str]:
        for prefix, read in self._gauges.items():
            for name, value in read().items():
                yield f"# TYPE llmproxy_{prefix}_{name} gauge"
                yield f"llmproxy_{prefix}_{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
