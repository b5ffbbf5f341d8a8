"""What is wired around the exporters."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common import _internal

from llmproxy.application.interfaces.trace import Trace
from llmproxy.bootstrap.serving import serving
from llmproxy.bootstrap.span_contents import ContentsOnSpans, FollowedVisit
from llmproxy.bootstrap.tracing import REPEATING, OnceAWhile, Tracing, _follower
from llmproxy.config import settings_from
from llmproxy.config.logs import ContentRules
from llmproxy.infra.controllers.lifespan import StartRefused
from llmproxy.infra.controllers.recorded_visit import RecordedVisit
from llmproxy.infra.controllers.visit import Visit
from llmproxy.infra.telemetry.content import on_spans
from llmproxy.infra.tracing import contents as tracing_contents
from llmproxy.infra.tracing.contents import AZURE_BYTES, Contents
from tests.fakes.calls import CALLER, chat_call
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
    assert following(**{CAPTURE: "span_only"}).visiting(Other) is FollowedVisit
    assert following(**{CAPTURE: "span_only"}).visiting(RecordedVisit) is RecordedVisit
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


@pytest.mark.asyncio
async def test_only_what_is_followed_is_kept() -> None:
    """Of all other requests neither question nor answer stays in memory."""
    asked = b'{"model": "m"}'

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(message: object) -> None:
        del message

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    for flags, kept in ((None, False), (0, False), (1, True)):
        visit = FollowedVisit(dict(scope), receive, send)
        visit.trace = None if flags is None else Trace(1, 0, flags, b"", lambda: 2)
        assert await visit.body(max_bytes=1000, silence_s=1.0) == asked
        await visit.reply(200, [b"content-type: application/json"], b"{}")
        assert (visit.asked, visit.answered) == ((asked, [b"{}"]) if kept else (b"", []))


def recorded(words: str) -> RecordedVisit:
    """A request that asked this."""

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    visit = RecordedVisit(scope, nothing, nothing)
    visit.asked = json.dumps({"messages": [{"role": "user", "content": words}]}).encode()
    visit.call, visit.caller = chat_call({}), CALLER
    return visit


def asked(contents: Contents, words: str) -> str:
    """What a span says that this was asked."""
    contents.keep(1, recorded(words))
    said = contents.attributes(1)[on_spans.ASKED]
    assert isinstance(said, str)
    return said


def test_both_rooms_call_contents_alike() -> None:
    """What is told is what is bounded."""
    told = {on_spans.INSTRUCTIONS, on_spans.ASKED, on_spans.ANSWERED}
    assert set(tracing_contents.ATTRIBUTES) == told
    assert tracing_contents.TRUNCATED == on_spans.TRUNCATED


def test_an_attribute_is_no_longer_than_azure_takes(tmp_path: Path) -> None:
    """Its exporter would cut it in the middle of its JSON; a collector takes more."""
    more = {CAPTURE: "span_only", "CONTENT_LOG_MAX_BYTES": "1000000"}
    azure = "InstrumentationKey=01234567-89ab-cdef-0123-456789abcdef;IngestionEndpoint=http://127.0.0.1:9/"
    for places, fits in (
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": azure}, True),
    ):
        data = {"LLMPROXY_DATA_DIR": str(tmp_path)}
        settings = settings_from({**places, **more, **data}).tracing
        assert settings is not None
        contents = _follower(settings, None)[1]
        assert contents is not None
        said = asked(contents, "so " * 140_000)
        assert json.loads(said)
        assert (len(said) <= AZURE_BYTES) is fits


def test_expressions_leave_the_form_alone(tmp_path: Path) -> None:
    """An operator's own expression takes words out of texts, not out of what the form says."""
    path = tmp_path / "patterns"
    path.write_text("word=user|text", encoding="utf-8")
    rules = ContentRules(patterns_file=path)
    [message] = json.loads(asked(ContentsOnSpans(rules, None), "the user's text"))
    assert message["role"] == "user"
    [part] = message["parts"]
    assert part["type"] == "text"
    assert "user" not in part["content"]
    assert "text" not in part["content"]
