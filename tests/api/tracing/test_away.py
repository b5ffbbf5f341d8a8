"""A collector that is away, or slow: nobody waits for it, and what it has not got is counted."""

import re
import time
from pathlib import Path

from tests.api.asking import ask, within
from tests.api.routing.stage import Stage, staged
from tests.api.tracing.collector import arrived, spans
from tests.api.tracing.receiver import receiving
from tests.api.tracing.test_application_insights import KEY as INSTRUMENTATION_KEY
from tests.api.tracing.test_spans import KEY, chat, settings

PATIENCE_S = 30.0


def told(stage: Stage, figure: str) -> float:
    """A figure of tracing, from the metrics."""
    text = ask(stage.gateway.url, "/metrics", headers=KEY).body.decode()
    lines = re.findall(rf"^llmproxy_tracing_{figure}(?:_total)?\{{.*\}} (\S+)$", text, re.MULTILINE)
    assert lines, figure
    return sum(map(float, lines))


def test_away(tmp_path: Path) -> None:
    """Requests are served as ever; the log says it once, and the end is not held up."""
    with receiving() as gone:
        url = gone.url
    with receiving() as other:
        ours = settings(other, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_TIMEOUT="500")
        with staged(tmp_path, {"one": {}}, ours) as stage:
            for _ in range(5):
                assert chat(stage).status == 200
                time.sleep(0.3)
            assert within(PATIENCE_S, lambda: told(stage, "spans_failed") > 0)
            assert told(stage, "spans_sent") == 0
            log = stage.gateway.log
            assert log.count("collector does not take what it is sent") == 1
            assert log.count("Failed to export spans") <= 1
            began = time.monotonic()
        assert time.monotonic() - began < 30  # `staged` ends the server
    assert other.posted == []


def test_slow(tmp_path: Path) -> None:
    """While a message is not answered others are served; what waits is told in the end."""
    with receiving() as collector:
        collector.open.clear()
        with staged(tmp_path, {"one": {}}, settings(collector)) as stage:
            began = time.monotonic()
            for _ in range(20):
                assert chat(stage).status == 200
            assert time.monotonic() - began < 15
            assert within(PATIENCE_S, lambda: told(stage, "spans_waiting") > 0)
            collector.open.set()
            assert len(arrived(collector, 40)) == 40


def test_the_end(tmp_path: Path) -> None:
    """What has ended just before the server does is told all the same."""
    with receiving() as collector:
        with staged(tmp_path, {"one": {}}, settings(collector)) as stage:
            assert chat(stage).status == 200
        assert len(spans(collector)) == 2


def test_both_at_once(tmp_path: Path) -> None:
    """One that is away takes nothing from the other."""
    with receiving() as gone:
        away = f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={gone.url}/"
    with receiving() as collector:
        both = settings(collector, APPLICATIONINSIGHTS_CONNECTION_STRING=away)
        with staged(tmp_path, {"one": {}}, both) as stage:
            assert chat(stage).status == 200
            assert len(arrived(collector, 2)) == 2
            assert within(PATIENCE_S, lambda: told(stage, "spans_failed") == 2)
            assert told(stage, "spans_sent") == 2
