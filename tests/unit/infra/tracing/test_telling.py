"""The threads that tell what has ended: bounded, never waited for, and done at the end."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from typing_extensions import override

from llmproxy.infra.telemetry.clock import SystemClock
from llmproxy.infra.tracing.figures import Figures
from llmproxy.infra.tracing.folding import Folding
from llmproxy.infra.tracing.histograms import Counted
from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.sender import BATCH, MAX_SPANS, Destination, Sender
from llmproxy.infra.tracing.spans import SpanMaker, resource_of
from tests.fakes.exporters import FakeMetricExporter, FakeSpanExporter
from tests.unit.infra.tracing.test_figures import BAD, GOOD
from tests.unit.infra.tracing.visits import Over, answered, over

RESOURCE = resource_of("ours", "1", {})
SCOPE = InstrumentationScope("llmproxy", "1")
HTTP = "http.server.request.duration"


def sender(
    spans: FakeSpanExporter | None,
    metrics: FakeMetricExporter | None = None,
    *,
    delta: bool = False,
    every_s: float = 3600.0,
) -> Sender:
    """A sender that runs."""
    to = Destination("collector", spans, metrics, delta=delta, metrics_every_s=every_s)
    made = Sender(to, (RESOURCE, SCOPE), SystemClock())
    made.start()
    return made


def within(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it. Raises AssertionError."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def some(count: int) -> list[ReadableSpan]:
    """So many spans."""
    return [ReadableSpan(f"span {number}", resource=RESOURCE) for number in range(count)]


def counted(*ended: Over) -> Counted:
    """What figures make of these."""
    figures = Figures(Places())
    for each in ended:
        figures.fold(*each)
    return figures.take()


def test_all_the_way() -> None:
    """What has ended is counted, and what is followed is told, before the end."""
    exporter, metrics = FakeSpanExporter(), FakeMetricExporter()
    to = sender(exporter, metrics)
    maker = SpanMaker(RESOURCE, "1", Places(), for_azure=False, rate_percent=None)
    handed = deque([counted(over(BAD, GOOD)), counted(*[over(GOOD)] * 200)])
    folding = Folding(deque([answered(BAD, GOOD)]), handed, maker, [to], SystemClock())
    folding.start()
    folding.end(20)
    to.end(20)
    assert not folding.is_alive()
    assert not to.is_alive()
    [batch] = exporter.batches
    assert batch == ["POST /v1/chat/completions", "chat gemini-pro", "chat gemini-pro"]
    [told] = metrics.counted
    assert told[HTTP] == 201
    assert exporter.ended
    assert folding.broken == 0


def test_batches() -> None:
    """Messages are small, and nothing is told twice."""
    exporter = FakeSpanExporter()
    to = sender(exporter)
    to.offer(some(BATCH * 2 + 1))
    to.end(20)
    assert [len(each) for each in exporter.batches] == [BATCH, BATCH, 1]
    names = [name for batch in exporter.batches for name in batch]
    assert names == [f"span {number}" for number in range(BATCH * 2 + 1)]


def test_somebody_who_is_slow() -> None:
    """Whoever offers does not wait; what finds no room is dropped, and counted."""
    exporter = FakeSpanExporter()
    exporter.open.clear()
    to = sender(exporter)
    to.offer(some(1))
    assert exporter.asked.wait(20)
    began = time.monotonic()
    to.offer(some(MAX_SPANS))
    to.offer(some(7))
    assert time.monotonic() - began < 5
    assert to.counts()["spans_dropped"] == 7
    assert to.counts()["spans_waiting"] == MAX_SPANS
    exporter.open.set()
    to.end(20)
    assert to.counts()["spans_sent"] == MAX_SPANS + 1


def test_somebody_who_hangs_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """The end does not wait for longer than it may."""
    exporter = FakeSpanExporter()
    exporter.open.clear()
    to = sender(exporter)
    to.offer(some(1))
    assert exporter.asked.wait(20)
    to.offer(some(3))
    began = time.monotonic()
    to.end(0.2)
    assert time.monotonic() - began < 5
    assert exporter.ended
    assert "did not take 3 spans before the end" in caplog.text
    exporter.open.set()


def test_somebody_who_does_not_take_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is said when that begins and when it is over, not each time."""
    exporter = FakeSpanExporter()
    exporter.takes = False
    to = sender(exporter)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            failed = to.counts()["spans_failed"]
            to.offer(some(2))
            within(lambda failed=failed: to.counts()["spans_failed"] == failed + 2)
        exporter.takes = True
        to.offer(some(2))
        to.end(20)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "tracing: collector does not take what it is sent",
        "tracing: collector takes what it is sent again",
    ]
    assert (to.counts()["spans_failed"], to.counts()["spans_sent"]) == (4, 2)


class Breaking(FakeSpanExporter):
    """Raises for spans of this name, and when it is shut down."""

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if any(span.name == "span 1" for span in spans):
            raise ValueError("not to be encoded")
        return super().export(spans)

    @override
    def shutdown(self) -> None:
        super().shutdown()
        raise OSError("gone")


def test_an_exporter_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """The thread goes on, what was given to it has failed, and it is said once a minute."""
    exporter = Breaking()
    to = sender(exporter)
    for _ in range(2):
        failed = to.counts()["spans_failed"]
        to.offer(some(2))
        within(lambda failed=failed: to.counts()["spans_failed"] == failed + 2)
    to.offer(some(1))
    within(lambda: to.counts()["spans_sent"] == 1)
    to.end(20)
    assert not to.is_alive()
    assert exporter.ended
    said = [each for each in caplog.records if each.exc_info is not None]
    assert [each.getMessage() for each in said] == ["tracing: the exporter for collector failed"]
    assert "does not take what it is sent" in caplog.text


@pytest.mark.parametrize("delta", [False, True])
def test_figures(*, delta: bool) -> None:
    """Cumulative ones tell all so far, the others what is new; nothing is lost on the way."""
    metrics = FakeMetricExporter()
    metrics.takes = False
    to = sender(None, metrics, delta=delta, every_s=0.01)
    to.count(counted(over(GOOD)))
    within(lambda: to.counts()["metrics_failed"] >= 1)
    metrics.takes = True
    within(lambda: len(metrics.counted) >= 1)
    to.count(counted(over(GOOD), over(GOOD)))
    to.end(20)
    told = [each[HTTP] for each in metrics.counted]
    assert (sum(told) if delta else told[-1]) == 3
