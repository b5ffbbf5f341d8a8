"""Figures in Prometheus' text format."""

import re

from llmproxy.infra.telemetry.metrics import BUCKETS_S, Metrics

SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="(?:[^"\\\n]|\\.)*",?)+\})? -?[0-9.e+-]+')


def _metrics() -> Metrics:
    metrics = Metrics()
    for duration_s in (0.001, 0.005, 0.006, 400.0):
        metrics.settled(
            model="mini", operation="ChatCompletion", outcome="finished", duration_s=duration_s
        )
    metrics.settled(
        model='odd "name"\\\n', operation="ChatCompletion", outcome="failed", duration_s=1.0
    )
    metrics.gauge("upstream_connections", lambda: {"open": 3, "idle": 2})
    return metrics


def test_every_line_can_be_read() -> None:
    """Comments and samples only, whatever a model is called."""
    text = _metrics().text()

    assert text.endswith("\n")
    lines = text.splitlines()
    assert lines
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line), line
    assert r'model="odd \"name\"\\\n"' in text


def test_the_histogram() -> None:
    """Buckets add up; a bound belongs to its own bucket; the sum is that of the durations."""
    text = _metrics().text()
    labels = 'model="mini",operation="ChatCompletion",outcome="finished"'
    name = "llmproxy_request_duration_seconds"
    counts = [
        int(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(f"{name}_bucket{{{labels},le=")
    ]

    assert len(counts) == len(BUCKETS_S) + 1
    assert counts[:3] == [2, 3, 3]
    assert counts == sorted(counts)
    assert counts[-1] == 4
    assert f"{name}_count{{{labels}}} 4\n" in text
    assert f"{name}_sum{{{labels}}} 400.012000\n" in text


def test_gauges() -> None:
    """They are read when they are asked for."""
    metrics = Metrics()
    figures = {"open": 1}
    metrics.gauge("x", lambda: figures)
    assert "llmproxy_x_open 1\n" in metrics.text()
    figures["open"] = 5
    assert "# TYPE llmproxy_x_open gauge\nllmproxy_x_open 5\n" in metrics.text()


def test_nothing_yet() -> None:
    """Without calls there is a histogram without samples."""
    assert Metrics().text().count("\n") == 2
