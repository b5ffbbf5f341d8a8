"""Whether what callers ask and are answered is kept, or leaves with traces, and without what."""

from urllib.parse import urlsplit

from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning
from llmproxy.bootstrap.contents import how_long, redaction_of, whose
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.config import Settings
from llmproxy.config.logs import ContentRules
from llmproxy.config.tracing import TracingSettings
from llmproxy.infra.controllers.lifespan import StartRefused
from llmproxy.infra.providers.credentials.threads import in_thread

LOGGED = "decide who reads that folder; CONTENT_LOG=off, or CONTENT_LOG_PROJECTS for some alone"
TOLD = (
    "decide who reads the traces; unset OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, or "
    "CONTENT_LOG_PROJECTS for some alone"
)


async def contents_check(scene: Scene) -> Findings:
    """Say who keeps contents, of whom and what is taken out of them; a file of patterns is read."""
    settings = scene.settings
    return await in_thread(lambda: _found(settings), "contents")


def _found(settings: Settings) -> Findings:
    found: list[Finding] = []
    log, tracing = settings.logs.content, settings.tracing
    if log is not None:
        kept = f"is kept in {log.folder} for {how_long(log)} (CONTENT_LOG)"
        found.append(_told(kept, log.rules, LOGGED))
    if tracing is not None and tracing.contents is not None:
        found.append(_told(f"leaves on spans, to {_where(tracing)}", tracing.contents, TOLD))
    return found or [ok("nothing of what is asked and answered is kept, or leaves with traces")]


def _told(where: str, rules: ContentRules, todo: str) -> Finding:
    try:
        _, out = redaction_of(rules)
    except StartRefused as refused:
        return problem(str(refused), "mend the file of patterns: the gateway does not start")
    return warning(
        f"what {whose(rules)} ask and are answered {where}, without secrets and {out}", todo
    )


def _where(tracing: TracingSettings) -> str:
    url = None if tracing.collector is None else tracing.collector.traces_url
    collector = None if url is None else urlsplit(url).hostname
    azure = None if tracing.azure is None else "Application Insights"
    return " and ".join([each for each in (collector, azure) if each is not None])
