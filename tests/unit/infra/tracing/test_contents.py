"""Contents on the spans of requests: who is asked for them, and what becomes of large ones."""

from collections import deque
from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan
from typing_extensions import override

from llmproxy.application.interfaces.trace import SAMPLED
from llmproxy.infra.telemetry.clock import SystemClock
from llmproxy.infra.tracing.contents import (
    BATCH_BYTES,
    MAX_BYTES,
    TRUNCATED,
    Contents,
    TellingTracer,
    bytes_of,
    without,
)
from llmproxy.infra.tracing.folding import Folding
from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.record import Ended, Visit
from llmproxy.infra.tracing.sampling import Sampler, sampler
from llmproxy.infra.tracing.sender import Destination, Sender
from llmproxy.infra.tracing.spans import SpanMaker
from llmproxy.infra.tracing.tracer import MAX_WAITING, ended_of
from tests.fakes.exporters import FakeSpanExporter
from tests.unit.infra.tracing.test_figures import BAD, GOOD
from tests.unit.infra.tracing.test_spans import attributes, made
from tests.unit.infra.tracing.test_telling import RESOURCE, SCOPE
from tests.unit.infra.tracing.visits import ALL, Arrived, answered

ASKED = "gen_ai.input.messages"
ANSWERED = "gen_ai.output.messages"
NOBODY = sampler("always_off", 0)


class FakeContents(Contents):
    """Says the same of all, and remembers who was kept, told and forgotten."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.told: list[int] = []
        self.forgotten: list[int] = []

    @override
    def keep(self, span_id: int, visit: Visit) -> None:
        self.kept.append(span_id)

    @override
    def forget(self, span_id: int) -> None:
        self.forgotten.append(span_id)

    @override
    def attributes(self, span_id: int) -> Mapping[str, str | bool]:
        self.told.append(span_id)
        return {ASKED: "[]", TRUNCATED: True}

    @override
    def counts(self) -> Mapping[str, float]:
        return {"contents_dropped": 3}


def ended(contents: FakeContents, sampled: Sampler = ALL) -> Ended:
    """A request that has ended at a tracer that hands over contents."""
    tracer, visit = TellingTracer(sampled, contents, lambda *_: None), Arrived()
    trace = visit.trace = tracer.begin(visit)
    assert trace is not None
    tracer.end(visit, 101.0)
    tracer.look()
    assert len(tracer.ended) == (trace.flags & SAMPLED)
    return ended_of(visit, trace, 101.0)


def test_only_of_those_that_are_followed() -> None:
    """Of requests that are only counted nothing is kept."""
    contents = FakeContents()
    ended(contents, NOBODY)
    assert contents.kept == []
    followed = ended(contents)
    assert contents.kept == [followed.trace.span_id]


def test_not_of_what_finds_no_room() -> None:
    """Nobody would take it out again. Figures of both are told together."""
    contents = FakeContents()
    tracer, visit = TellingTracer(ALL, contents), Arrived()
    visit.trace = tracer.begin(visit)
    tracer.ended.extend([answered(GOOD)] * MAX_WAITING)
    tracer.end(visit, 101.0)
    tracer.look()
    assert contents.kept == []
    assert tracer.counts() == {
        "requests_waiting": MAX_WAITING,
        "requests_dropped": 1,
        "requests_broken": 0,
        "contents_dropped": 3,
    }


def test_on_the_span_of_the_request() -> None:
    """Attempts share the question, and do not repeat it."""
    contents = FakeContents()
    record = answered(BAD, GOOD)
    request, *attempts = made(record, contents=contents)
    assert attributes(request).items() >= {ASKED: "[]", TRUNCATED: True}.items()
    assert len(attempts) == 2
    assert all(ASKED not in attributes(each) for each in attempts)
    assert contents.told == [record.trace.span_id]
    assert ASKED not in attributes(made(answered(GOOD))[0])


def test_what_cannot_be_told_is_let_go() -> None:
    """Of a portion that failed all contents go: nobody comes back for them."""
    contents = FakeContents()
    good, broken = answered(GOOD), answered(GOOD)._replace(head=None)  # type: ignore[arg-type]
    maker = SpanMaker(
        RESOURCE, "1", Places(), for_azure=False, rate_percent=None, contents=contents
    )
    folding = Folding(deque([broken, good]), deque(), maker, [], SystemClock())
    folding.start()
    folding.end(20)
    assert folding.broken == 2
    assert contents.forgotten == [broken.trace.span_id, good.trace.span_id]


def large(size: int, name: str = "large") -> ReadableSpan:
    """A span that tells so much of contents."""
    said = {"http.route": "/v1", ASKED: "x" * (size // 2), ANSWERED: "x" * (size - size // 2)}
    return ReadableSpan(name, resource=RESOURCE, attributes=said)


def sender(exporter: FakeSpanExporter) -> Sender:
    """A sender of contents that does not run yet."""
    to = Destination("collector", exporter, None, delta=False, metrics_every_s=3600.0)
    return Sender(to, (RESOURCE, SCOPE), SystemClock())


def test_messages_stay_small() -> None:
    """A collector refuses what is too large; one span may be."""
    exporter = FakeSpanExporter()
    to = sender(exporter)
    half = BATCH_BYTES // 2
    sizes = [half, half, 1, BATCH_BYTES * 2, 1]
    to.offer([large(size, f"{number}") for number, size in enumerate(sizes)])
    to.start()
    to.end(20)
    assert exporter.batches == [["0", "1"], ["2"], ["3"], ["4"]]


def test_what_waits_is_bounded() -> None:
    """Beyond that spans go without their contents, say so, and are counted; none is lost."""
    exporter = FakeSpanExporter()
    to = sender(exporter)
    quarter = MAX_BYTES // 4
    to.offer([large(quarter)] * 6)
    assert to.counts()["contents_dropped"] == 2
    assert to.counts()["spans_waiting"] == 6
    to.start()
    to.end(20)
    assert to.counts()["spans_sent"] == 6
    assert to.counts()["spans_dropped"] == 0


def test_there_is_room_again() -> None:
    """What was sent does not wait any more."""
    exporter = FakeSpanExporter()
    to = sender(exporter)
    to.offer([large(MAX_BYTES)])
    to.offer([large(10)])
    assert to.counts()["contents_dropped"] == 1
    while to._batch():
        pass
    to.offer([large(10)])
    assert to.counts()["contents_dropped"] == 1


def test_without() -> None:
    """All but the contents stays."""
    span = made(answered(GOOD), contents=FakeContents())[0]
    bare = without(span)
    assert bytes_of(span) == 2
    assert bytes_of(bare) == 0
    said = attributes(span)
    del said[ASKED]
    assert attributes(bare) == said
    for name in ("name", "context", "parent", "resource", "events", "kind", "status"):
        assert getattr(bare, name) == getattr(span, name)
    assert (bare.start_time, bare.end_time) == (span.start_time, span.end_time)
    assert bare.instrumentation_scope == span.instrumentation_scope
