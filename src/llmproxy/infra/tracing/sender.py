"""A thread that hands spans and figures to exporters: it may wait for them, nobody waits for it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.infra.tracing.contents import BATCH_BYTES, MAX_BYTES, bytes_of, without
from llmproxy.infra.tracing.histograms import Counted, Histograms
from llmproxy.infra.tracing.metric_data import metrics_data

logger = logging.getLogger("llmproxy.tracing")

MAX_SPANS: Final = 4_096
"""Spans that wait; more are dropped, and counted."""
BATCH: Final = 128
"""Spans of one message. Encoding one takes tens of microseconds, in which the event loop waits for
the interpreter: small messages keep its waits short."""
COUNTED: Final = (
    "spans_sent",
    "spans_failed",
    "spans_dropped",
    "contents_dropped",
    "metrics_sent",
    "metrics_failed",
)
LOOK_EVERY_S: Final = 0.5
SAY_EVERY_S: Final = 60.0
"""An exporter that raises may do so for every message."""
NANO: Final = 1_000_000_000


class Destination(NamedTuple):
    """Somewhere that spans and figures go, by a name for the log; `delta` figures begin anew."""

    name: str
    spans: SpanExporter | None
    metrics: MetricExporter | None
    delta: bool
    metrics_every_s: float


class Sender(threading.Thread):
    """`offer` and `count` are called by one other thread, `end` by a third.

    An exporter that raises has not taken what it was given, and is given the next. Spans may tell
    contents: so many bytes of them wait, and further spans go without.
    """

    def __init__(
        self,
        to: Destination,
        about: tuple[Resource, InstrumentationScope],
        clock: Clock,
    ) -> None:
        super().__init__(name=f"tracing-{to.name}", daemon=True)
        self.to = to.name
        self._to = to
        self._about = about
        self._clock = clock
        self._offered_bytes = self._taken_bytes = 0
        self._waiting: deque[ReadableSpan] = deque()
        self._figures = Histograms()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._since_ns = self._now_ns()
        self._due = clock.monotonic() + to.metrics_every_s
        self._well = True
        self._say_at = float("-inf")
        self._counts = dict.fromkeys(COUNTED, 0)

    def offer(self, spans: Sequence[ReadableSpan]) -> None:
        """Take spans to be sent soon, as far as there is room."""
        if self._to.spans is None:
            return
        room = MAX_SPANS - len(self._waiting)
        taken = spans[:room] if room > 0 else ()
        self._waiting.extend(map(self._bounded, taken))
        self._counts["spans_dropped"] += max(0, len(spans) - max(0, room))

    def _bounded(self, span: ReadableSpan) -> ReadableSpan:
        size = bytes_of(span)
        if self._offered_bytes - self._taken_bytes + size > MAX_BYTES:
            self._counts["contents_dropped"] += 1
            return without(span)
        self._offered_bytes += size
        return span

    def count(self, counted: Counted) -> None:
        """Add what was counted of requests that have ended."""
        if self._to.metrics is None:
            return
        with self._lock:
            self._figures.add(counted)

    @override
    def run(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            self._send_spans()
            if self._clock.monotonic() >= self._due:
                self._due = self._clock.monotonic() + self._to.metrics_every_s
                self._send_figures()
        self._send_spans()
        self._send_figures()

    def end(self, limit_s: float) -> None:
        """Send what waits, for at most so long: whoever does not take it then goes without."""
        self._ending.set()
        self.join(limit_s)
        left = len(self._waiting)
        if self.is_alive():
            logger.warning("tracing: %s did not take %d spans before the end", self._to.name, left)
            self._counts["spans_dropped"] += left
            self._waiting.clear()
        for exporter in (self._to.spans, self._to.metrics):
            if exporter is not None:
                self._tried(exporter.shutdown)

    def _send_spans(self) -> None:
        exporter = self._to.spans
        while exporter is not None and self._waiting:
            batch = self._batch()
            result = self._tried(partial(exporter.export, batch))
            well = result is SpanExportResult.SUCCESS
            self._counts["spans_sent" if well else "spans_failed"] += len(batch)
            self._heard(well=well)
            if not well:
                break  # what waits is tried at the next look, if it is not dropped until then

    def _batch(self) -> list[ReadableSpan]:
        batch: list[ReadableSpan] = []
        total = 0
        while self._waiting and len(batch) < BATCH:
            size = bytes_of(self._waiting[0])
            if batch and total + size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
            total += size
        self._taken_bytes += total
        return batch

    def _send_figures(self) -> None:
        exporter, delta = self._to.metrics, self._to.delta
        if exporter is None:
            return
        now_ns = self._now_ns()
        with self._lock:
            counted = self._figures.take() if delta else self._figures.counted
            data = metrics_data(counted, self._about, self._since_ns, now_ns, delta=delta)
        if data is None:
            return
        well = self._tried(partial(exporter.export, data)) is MetricExportResult.SUCCESS
        self._counts["metrics_sent" if well else "metrics_failed"] += 1
        self._heard(well=well)
        if well and delta:
            self._since_ns = now_ns
        elif delta:
            with self._lock:
                self._figures.add(counted)

    def _tried(self, call: Callable[[], object]) -> object:
        """Return what an exporter returns, None where it raises, which is logged once a minute."""
        try:
            return call()
        except Exception:
            now = self._clock.monotonic()
            if now >= self._say_at:
                self._say_at = now + SAY_EVERY_S
                logger.exception("tracing: the exporter for %s failed", self._to.name)
            return None

    def _heard(self, *, well: bool) -> None:
        """Say in the log when it begins to fail, and when that is over."""
        if well != self._well:
            self._well = well
            if well:
                logger.warning("tracing: %s takes what it is sent again", self._to.name)
            else:
                logger.warning("tracing: %s does not take what it is sent", self._to.name)

    def _now_ns(self) -> int:
        return int(self._clock.now() * NANO)

    def counts(self) -> Mapping[str, float]:
        """Return how many spans wait, were sent, refused or dropped, and so for the figures."""
        return {"spans_waiting": len(self._waiting), **self._counts}
