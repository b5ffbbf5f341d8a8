"""The bench's verdict on metrics, log and traces, and what it counts to prove what it measured."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from typing_extensions import override

from bench import targets_observed
from bench.checks import WrongAnswerError
from bench.collector import Connection, Taken, spans_in
from bench.figures import FiguresError, total
from bench.observed import Promise
from bench.observed_figures import Told, prove, told_in
from bench.observed_lines import Lines
from bench.samples import (
    OBSERVED,
    PLAIN,
    SINGLE,
    TRACED_SOME,
    UNARY,
    UNOBSERVED,
    Results,
    Sample,
)
from bench.targets import Target

ROOT = Path(__file__).resolve().parents[2]
NOTHING = Promise(observed=False)
WATCHED = Promise(observed=True)
SOME, ALL = Promise(observed=True, followed=0.05), Promise(observed=True, followed=1.0)
N = 10_000
SEEN = Told(answers=N, settled=N, requests=N, calls=N, lines=N)
LINE = b'{"logger":"llmproxy.access","path":"/v1/chat/completions"}\n'


def _samples(name: str, *cpu_us_each: float) -> list[Sample]:
    return [
        Sample(name, PLAIN, UNARY, turn, 100, 0, 1.0, 100 * each, 9.0, 20.0)
        for turn, each in enumerate(cpu_us_each)
    ]


def _of(samples: list[Sample], *words: str) -> Target:
    [target] = [
        each
        for each in targets_observed.of_observed(Results(samples))
        if all(word in each.what for word in words)
    ]
    return target


@pytest.mark.parametrize(("last", "held"), [(165.0, True), (165.1, False)])
def test_the_median_of_the_pairs_counts(last: float, *, held: bool) -> None:
    """15 µs more in the middle of three rounds."""
    samples = [*_samples(UNOBSERVED, 150.0, 130.0, 150.0), *_samples(OBSERVED, 190.0, 140.0, last)]
    target = _of(samples, "metrics and log", "c=64")
    assert (target.most, target.unit, target.held) == (15.0, "µs", held)


def test_some_traces_are_compared_with_the_observed_and_a_request_alone_with_its_like() -> None:
    """30 µs beside metrics and log, at c=1 too; nothing is said of what was not measured."""
    samples = [*_samples(UNOBSERVED, 100.0), *_samples(OBSERVED, 150.0)]
    samples += [*_samples(TRACED_SOME, 180.0)]
    alone = [replace(each, kind=SINGLE) for each in [*_samples(OBSERVED, 200.0)]]
    alone += [replace(each, kind=SINGLE) for each in [*_samples(TRACED_SOME, 231.0)]]
    assert _of([*samples, *alone], "traced", "c=64").held is True
    assert _of([*samples, *alone], "traced", "c=1").held is False
    assert _of([*samples, *alone], "metrics", "c=1").held is None


def _spans(*counts: int) -> ExportTraceServiceRequest:
    """One scope for each count, all of one resource."""
    scopes = [
        ScopeSpans(spans=[Span(name="chat", kind=Span.SPAN_KIND_CLIENT)] * count)
        for count in counts
    ]
    resource = Resource(dropped_attributes_count=3)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)]
    )


@pytest.mark.parametrize("counts", [(), (0,), (1,), (128,), (300, 2, 0)])
def test_spans_are_counted(counts: tuple[int, ...]) -> None:
    """As the library that the gateway sends with writes them."""
    assert spans_in(_spans(*counts).SerializeToString()) == sum(counts)


@pytest.mark.parametrize("cut", [1, 40])
def test_what_breaks_off_is_no_message(cut: int) -> None:
    """It is not counted as less."""
    with pytest.raises(ValueError, match=r"breaks off|no message"):
        spans_in(_spans(5).SerializeToString()[:-cut])


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    @override
    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data


def _asked(taken: Taken, path: str, body: bytes) -> bytes:
    connection, transport = Connection(taken), _Transport()
    connection.connection_made(transport)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    for at in range(0, len(body), 100):
        connection.data_received(head.encode() + body[:100] if at == 0 else body[at : at + 100])
    if not body:
        connection.data_received(head.encode())
    return transport.written


def test_a_collector_takes_spans_and_figures_and_tells_how_many() -> None:
    """An answer without a body says that all was taken."""
    taken, body = Taken(), _spans(128).SerializeToString()
    for path in ("/v1/traces", "/v1/metrics"):
        answer = _asked(taken, path, body)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"content-length: 0\r\n\r\n")
    assert _asked(taken, "/v1/traces", b"\x0a\x05x").startswith(b"HTTP/1.1 400 ")
    assert _asked(taken, "/v1/logs", b"").startswith(b"HTTP/1.1 404 ")
    told = json.loads(_asked(taken, "/counts", b"").partition(b"\r\n\r\n")[2])
    assert Taken(**told) == Taken(1, len(body), 128, 1)


def test_lines_are_counted_wherever_they_are_cut() -> None:
    """A line counts when it has ended, one about a chat twice."""
    lines = Lines(BytesIO())
    text = LINE * 3 + b'{"path":"/metrics"}\n' + LINE
    for at in range(0, len(text), 7):
        lines.take(text[at : at + 7])
    assert (lines.every, lines.chats) == (5, 4)
    lines.take(LINE[:-1])
    assert (lines.every, lines.chats) == (5, 4)


def test_lines_are_read_until_the_pipe_is_closed() -> None:
    """More than a pipe holds."""
    read, write = os.pipe()
    lines = Lines(os.fdopen(read, "rb"))
    lines.start()
    with os.fdopen(write, "wb") as out:
        out.write(LINE * 5_000)
    lines.join(10.0)
    assert (lines.every, lines.chats_once(5_000), lines.is_alive()) == (5_000, 5_000, False)


def test_figures_with_many_labels_are_added_up() -> None:
    """A metric whose name begins alike is another."""
    text = (
        '# TYPE x counter\nx{worker="0",route="/a",status="200"} 4\n'
        'x{worker="0",route="/a",status="401"} 1\nx{worker="0",route="/b",status="200"} 2\n'
        'x_sum{worker="0"} 90\n'
    )
    assert (total(text, "x"), total(text, "x", 'route="/a"'), total(text, "y")) == (7.0, 5.0, 0.0)


def test_what_a_gateway_has_told_is_read_and_counted_between_two_looks() -> None:
    """Nothing may wait then."""
    first = 'llmproxy_requests_total{worker="0",model="a",code="none"} 7\n'
    later = (
        'llmproxy_requests_total{worker="0",model="a",code="none"} 17\n'
        'llmproxy_tracing_spans_sent_total{worker="0",destination="collector"} 20\n'
        'llmproxy_http_requests_total{worker="0",route="/v1/chat/completions",status="200"} 10\n'
        'llmproxy_http_requests_total{worker="0",route="/metrics",status="200"} 3\n'
    )
    found = told_in(later, Taken(spans=20)) - told_in(first, Taken())
    assert found == Told(calls=10, sent=20, requests=10, spans=20)
    assert (found + found).made == 40
    with pytest.raises(FiguresError, match="1 requests and 0 spans"):
        told_in('llmproxy_tracing_requests_waiting{worker="0"} 1\n', Taken())


def test_who_is_not_watched_has_told_nothing_and_served_all() -> None:
    """No figure, no line, and every call in the journal."""
    silent = Told(answers=N, settled=N)
    prove(UNOBSERVED, silent, NOTHING)
    for wrong in (Told(answers=N), replace(silent, calls=1), replace(silent, lines=1)):
        with pytest.raises(WrongAnswerError, match="unobserved"):
            prove(UNOBSERVED, wrong, NOTHING)


def test_who_is_watched_has_counted_and_written_every_request() -> None:
    """As many as the load has asked, which waits for each of its answers."""
    prove(OBSERVED, SEEN, WATCHED)
    for wrong in (
        replace(SEEN, lines=N - 1),
        replace(SEEN, requests=N - 1, lines=N - 1),
        replace(SEEN, requests=N + 1, lines=N + 1),
        replace(SEEN, calls=0),
        replace(SEEN, sent=2, spans=2),
    ):
        with pytest.raises(WrongAnswerError, match="observed"):
            prove(OBSERVED, wrong, WATCHED)


def _traced(**more: int) -> Told:
    return replace(SEEN, **more)


def test_who_traces_some_has_told_of_about_so_many() -> None:
    """Drawn anew for each request, but not far from the share."""
    prove(TRACED_SOME, _traced(sent=1_000, spans=1_000), SOME)
    prove(TRACED_SOME, _traced(sent=1_150, spans=1_150), SOME)
    for sent in (0, 500, 2_000):
        with pytest.raises(WrongAnswerError, match="5%"):
            prove(TRACED_SOME, _traced(sent=sent, spans=sent), SOME)


def test_who_traces_all_has_told_of_all_or_says_what_was_dropped() -> None:
    """Spans without room, and requests that were never looked at, are no fault: they are told."""
    prove("traced-all", _traced(sent=2 * N, spans=2 * N), ALL)
    prove("traced-all", _traced(sent=N, spans=N, dropped=N), ALL)
    prove("traced-all", _traced(sent=N, spans=N, unseen=N // 2), ALL)
    for wrong in (
        _traced(sent=N, spans=N),
        _traced(sent=2 * N, spans=2 * N - 1),
        _traced(sent=N, spans=N, failed=N),
        _traced(sent=2 * N, spans=2 * N, broken=1),
    ):
        with pytest.raises(WrongAnswerError):
            prove("traced-all", wrong, ALL)


def test_the_launcher_puts_nothing_in_the_place_of_what_counts() -> None:
    """In a process of its own, since it changes the classes."""
    code = (
        "from bench.unobserved import stop_counting\n"
        "from llmproxy.infra.telemetry.prometheus.calls import CallMeter\n"
        "from llmproxy.infra.telemetry.prometheus.requests import Counted\n"
        "stop_counting()\n"
        "meter = CallMeter(lambda _: None)\n"
        "meter.settled(None)\n"
        "meter.refused('key', 'requests_per_minute')\n"
        "class Log:\n"
        "    def write(self, visit, duration_s): raise AssertionError('a line was written')\n"
        "counted = Counted(Log(), (), ())\n"
        "counted.write(None, 0.1)\n"
        "lines = [line for _, each in counted.blocks('0') for line in each]\n"
        "print(len(lines), len(meter.limited))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("0 0\n", "")
