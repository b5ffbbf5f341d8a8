"""What the doctor says of contents that are kept, or leave."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from llmproxy.application.use_cases.doctor.findings import Finding
from llmproxy.bootstrap.doctoring.contents import contents_check
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.config import settings_from
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

ON_SPANS = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318",
}


async def findings(folder: Path, **environment: str) -> list[Finding]:
    """Of a gateway with these settings."""
    async with AsyncExitStack() as stack:
        settings = settings_from({"LLMPROXY_DATA_DIR": str(folder), **environment})
        return await contents_check(Scene(settings, stack, FakeClock()))


async def test_nothing_is_kept(tmp_path: Path) -> None:
    """Neither is on unless somebody says so."""
    [found] = await findings(tmp_path)
    assert (found.level, found.todo) == ("ok", "")


async def test_they_are_kept_and_they_leave(tmp_path: Path) -> None:
    """Both are told: where they go, of whom, and without what."""
    kept, told = await findings(
        tmp_path, CONTENT_LOG="on", CONTENT_LOG_PROJECTS="alpha,beta", **ON_SPANS
    )
    assert (kept.level, told.level) == ("warning", "warning")
    assert str(tmp_path) in kept.what
    assert "for 7 days" in kept.what
    assert "alpha, beta" in kept.what
    assert "email" in kept.what
    assert "to collector.test, without secrets and email" in told.what
    assert "CONTENT_LOG=off" in kept.todo
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in told.todo


async def test_patterns_that_are_none(tmp_path: Path) -> None:
    """The gateway would not start: here it is said before."""
    file = tmp_path / "patterns"
    file.write_text("staff ([0-9]+\n")
    [found] = await findings(tmp_path, CONTENT_LOG="on", CONTENT_LOG_PATTERNS_FILE=str(file))
    assert found.level == "problem"
    assert "CONTENT_LOG_PATTERNS_FILE" in found.what
