"""Histograms by the names and bounds that OpenTelemetry's conventions for metrics ask for.

https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-metrics.md) and
https://opentelemetry.io/docs/specs/semconv/http/http-metrics/.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MAX_SERIES: Final = 2_000
"""Of each figure; what is more is counted together, under `otel.metric.overflow`."""

Value = str | int | bool
Labels = tuple[tuple[str, Value], ...]
OVERFLOW: Final[Labels] = (("otel.metric.overflow", True),)


class Figure(NamedTuple):
    """A histogram's name, unit, meaning and the upper bounds of its buckets."""

    name: str
    unit: str
    meaning: str
    bounds: tuple[float, ...]


_SECONDS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
HTTP_DURATION: Final = Figure(
    "http.server.request.duration",
    "s",
    "Duration of HTTP server requests.",
    (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
DURATION: Final = Figure(
    "gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECONDS
)
TOKENS: Final = Figure(
    "gen_ai.client.token.usage",
    "{token}",
    "Number of input and output tokens used.",
    (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864),
)
_SOON: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
)  # fmt: skip
FIRST_CHUNK: Final = Figure(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "Time to receive the first chunk, from when the provider was asked.",
    _SOON,
)
FIRST_TOKEN: Final = Figure(
    "gen_ai.server.time_to_first_token",
    "s",
    "Time to generate first token for successful responses, as the caller waits for it.",
    _SOON,
)
FIGURES: Final = (HTTP_DURATION, DURATION, TOKENS, FIRST_CHUNK, FIRST_TOKEN)


class Series:
    """How often values fell into each bucket, the last of them without an upper bound."""

    __slots__ = ("bounds", "buckets", "count", "highest", "lowest", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.count = 0
        self.total = 0.0
        self.lowest = float("inf")
        self.highest = float("-inf")

    def add(self, values: Sequence[float]) -> None:
        """Count some values, at least one. A bound belongs to the bucket below it."""
        buckets, bounds = self.buckets, self.bounds
        for value in values:
            buckets[bisect_left(bounds, value)] += 1
        self.count += len(values)
        self.total += sum(values)
        self.lowest = min(self.lowest, *values)
        self.highest = max(self.highest, *values)

    def merge(self, other: "Series") -> None:
        """Add what another has counted."""
        self.buckets = [
            mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)
        ]
        self.count += other.count
        self.total += other.total
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)


Counted = dict[Figure, dict[Labels, Series]]


class Histograms:
    """Series by figure and labels, so many of each figure. Not for several threads at once."""

    def __init__(self) -> None:
        self.counted: Counted = {figure: {} for figure in FIGURES}

    def series(self, figure: Figure, labels: Labels) -> Series:
        """Return what is counted under these labels, or together with others that are too many."""
        known = self.counted[figure]
        series = known.get(labels)
        if series is None:
            if len(known) >= MAX_SERIES:
                labels = OVERFLOW
                series = known.get(labels)
            if series is None:
                series = known[labels] = Series(figure.bounds)
        return series

    def take(self) -> Counted:
        """Return what was counted, and begin anew."""
        counted, self.counted = self.counted, {figure: {} for figure in FIGURES}
        return counted

    def add(self, counted: Mapping[Figure, Mapping[Labels, Series]]) -> None:
        """Count what was taken elsewhere, or could not be delivered; it stays as it is."""
        for figure, series in counted.items():
            for labels, each in series.items():
                self.series(figure, labels).merge(each)
