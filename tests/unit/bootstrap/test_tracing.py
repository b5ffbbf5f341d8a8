"""What is wired around the exporters."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common import _internal

from llmproxy.bootstrap.serving import serving
from llmproxy.bootstrap.span_contents import ContentsOnSpans
from llmproxy.bootstrap.tracing import REPEATING, OnceAWhile, Tracing
from llmproxy.config import settings_from
from llmproxy.config.logs import ContentRules
from llmproxy.infra.controllers.lifespan import StartRefused
from llmproxy.infra.controllers.recorded_visit import RecordedVisit
from llmproxy.infra.controllers.visit import Visit
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


class Other(Visit):
    """What requests are served with elsewhere."""


CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def following(**said: str) -> Tracing:
    """What follows requests with these settings."""
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    return Tracing(settings_from({**collector, **said}).tracing, FakeClock())


def test_contents_are_kept_only_where_spans_tell_them() -> None:
    """Elsewhere requests are served as ever, whatever else is traced."""
    assert following().visiting(Other) is Other
    assert following(**{CAPTURE: "no_content"}).visiting(Other) is Other
    assert following(**{CAPTURE: "true", "OTEL_SDK_DISABLED": "true"}).visiting(Other) is Other
    assert following(**{CAPTURE: "span_only"}).visiting(Other) is RecordedVisit
    plain = serving(settings_from({"LLMPROXY_DATA_DIR": "/nowhere"}))
    assert plain.visiting is Visit


def test_the_start_says_that_contents_leave(caplog: pytest.LogCaptureFixture) -> None:
    """Of whom, and without what."""
    rules = ContentRules(frozenset({"beta", "alpha"}), redact=("email", "cpf"))
    ContentsOnSpans(rules, None)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"what is asked and answered leaves with traces ({CAPTURE}): of alpha, beta, without "
        "secrets and email, cpf"
    )


def test_bad_expressions_end_the_start(tmp_path: Path) -> None:
    """As for the log of contents."""
    path = tmp_path / "patterns"
    path.write_text("policy=(", encoding="utf-8")
    with pytest.raises(StartRefused, match="CONTENT_LOG_PATTERNS_FILE"):
        ContentsOnSpans(ContentRules(patterns_file=path), None)
