"""What is wired around the exporters."""

import logging
import subprocess
import sys

from opentelemetry.exporter.otlp.proto.common import _internal

from llmproxy.bootstrap.tracing import REPEATING, OnceAWhile
from tests.fakes.clock import FakeClock


def record(level: int) -> logging.LogRecord:
    """A line of an exporter's."""
    return logging.LogRecord("exporter", level, "file", 1, "Failed to export", None, None)


def test_what_repeats_is_said_once_a_minute() -> None:
    """An exporter whose collector is away writes a line for every message."""
    clock = FakeClock()
    lines = OnceAWhile(clock)
    assert lines.filter(record(logging.ERROR))
    clock.advance(59)
    assert not lines.filter(record(logging.ERROR))
    clock.advance(1)
    assert lines.filter(record(logging.WARNING))
    assert not lines.filter(record(logging.ERROR))


def test_who_repeats_itself() -> None:
    """What encodes attributes says of each, with a traceback, that it cannot."""
    assert _internal._logger.name in REPEATING


TELLING = ("opentelemetry.sdk", "opentelemetry.exporter", "azure.monitor", "requests")


def test_off_imports_nothing() -> None:
    """A gateway that tells nobody does not load what would tell."""
    code = f"""
import sys, llmproxy.bootstrap.serving
print([name for name in sys.modules if name.startswith({TELLING})])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
