"""The log of contents, put together where a setting asks for it."""

import asyncio
import logging
from contextlib import AsyncExitStack

from llmproxy.config.logs import ContentRules, ContentSettings
from llmproxy.infra.controllers.lifespan import StartRefused
from llmproxy.infra.controllers.middleware import AccessLog
from llmproxy.infra.controllers.recorded_visit import RecordedVisit
from llmproxy.infra.controllers.visit import Visit
from llmproxy.infra.telemetry.content.files import ContentFiles
from llmproxy.infra.telemetry.content.log import ContentLog
from llmproxy.infra.telemetry.content.own_patterns import BadPatternError, read_patterns
from llmproxy.infra.telemetry.content.patterns import BUILT_IN
from llmproxy.infra.telemetry.content.redaction import Redaction
from llmproxy.infra.telemetry.metrics import Metrics

logger = logging.getLogger("llmproxy.content")


class WithContents:
    """Hands each request to the access log, then to the log of contents."""

    visiting = RecordedVisit

    def __init__(self, access_log: AccessLog, settings: ContentSettings) -> None:
        self._access_log = access_log
        self._settings = settings
        self._contents: ContentLog | None = None

    def write(self, visit: Visit, duration_s: float) -> None:
        """Note that this request has ended."""
        self._access_log.write(visit, duration_s)
        if self._contents is not None and isinstance(visit, RecordedVisit):
            self._contents.write(visit)

    async def open(self, stack: AsyncExitStack, metrics: Metrics) -> None:
        """Begin to write, until the server ends. Raises StartRefused."""
        contents = self._contents = await asyncio.to_thread(_opened, self._settings)
        contents.start()
        stack.push_async_callback(asyncio.to_thread, contents.close)
        metrics.gauge("content_log", contents.counts)


def _opened(settings: ContentSettings) -> ContentLog:
    """Read the operator's expressions and try the folder. Raises StartRefused."""
    files = ContentFiles(
        settings.folder, keep_days=settings.keep_days, max_total_bytes=settings.max_total_bytes
    )
    redaction, out = redaction_of(settings.rules)
    try:
        files.try_folder()
    except OSError as error:
        raise StartRefused(
            f"CONTENT_LOG_DIR: {settings.folder} cannot be written to: {error.strerror}"
        ) from None
    logger.warning(
        "what is asked and answered is logged to %s (CONTENT_LOG=on): of %s, kept for %s, without "
        "secrets and %s",
        settings.folder,
        whose(settings.rules),
        how_long(settings),
        out,
    )
    return ContentLog(
        files, redaction, projects=settings.rules.projects, max_bytes=settings.rules.max_bytes
    )


def how_long(settings: ContentSettings) -> str:
    """Return in words how long contents are kept."""
    return f"{settings.keep_days} days" if settings.keep_days else "ever"


def whose(rules: ContentRules) -> str:
    """Return in words whose contents are told."""
    return ", ".join(sorted(rules.projects)) or "all projects"


def redaction_of(
    rules: ContentRules, spared: frozenset[str] = frozenset()
) -> tuple[Redaction, str]:
    """Return what takes out, and in words what that is, beside secrets. Raises StartRefused."""
    try:
        own = [] if rules.patterns_file is None else read_patterns(rules.patterns_file)
    except BadPatternError as error:
        raise StartRefused(f"CONTENT_LOG_PATTERNS_FILE: {error}") from None
    patterns = [pattern for name, pattern in BUILT_IN.items() if name in rules.redact]
    out = ", ".join([*rules.redact, *(each.name for each in own)]) or "nothing else taken out"
    return Redaction(patterns, own, spared), out
