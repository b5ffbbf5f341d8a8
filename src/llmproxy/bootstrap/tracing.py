"""Traces and figures for those who collect them, where the settings name somebody.

OpenTelemetry and its exporters are imported then and only then.
"""

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from typing_extensions import override

from llmproxy import __version__
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.trace import outgoing
from llmproxy.config.tracing import CollectorSettings, TracingSettings
from llmproxy.infra.controllers.middleware import Door
from llmproxy.infra.controllers.recorded_visit import RecordedVisit
from llmproxy.infra.controllers.visit import Visit
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.telemetry.metrics import Metrics
from llmproxy.infra.tracing.sampling import sampler
from llmproxy.infra.tracing.tracer import Tracer

if TYPE_CHECKING:
    from llmproxy.infra.tracing.contents import Contents
    from llmproxy.infra.tracing.folding import Folding
    from llmproxy.infra.tracing.sender import Destination, Sender

FLUSH_S: Final = 5.0
"""How long the end waits for whoever takes the last spans."""
LEAST_S: Final = 0.2
"""For each of them, whatever the others took."""
AZURE_TIMEOUT_S: Final = 10.0
NOISY: Final = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.monitor.opentelemetry.exporter",
)
"""At the level info they write a few lines for every message."""
REPEATING: Final = (
    "opentelemetry.exporter.otlp.proto.common._internal",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "azure.monitor.opentelemetry.exporter.export._base",
    "azure.monitor.opentelemetry.exporter.export.trace._exporter",
    "azure.monitor.opentelemetry.exporter.export.metrics._exporter",
)
"""They say for every message why it was not taken, or for every attribute why it is left out."""


class Tracing:
    """What follows requests, where the settings name somebody who is told of them."""

    def __init__(self, settings: TracingSettings | None, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._folding: Folding | None = None
        self._senders: list[Sender] = []
        self.door: Door | None = None
        """Where requests arrive; set before `open`."""

    def visiting(self, usual: type[Visit]) -> type[Visit]:
        """Return what requests are served with: one that keeps contents where spans tell them."""
        told = self._settings is not None and self._settings.contents is not None
        if not told or issubclass(usual, RecordedVisit):
            return usual
        from llmproxy.bootstrap.span_contents import FollowedVisit  # noqa: PLC0415

        return FollowedVisit

    async def open(self, stack: AsyncExitStack, client: HttpClient, metrics: Metrics) -> None:
        """Begin to follow requests, until the stack unwinds. Raises StartRefused."""
        settings = self._settings
        if settings is None or self.door is None:
            return
        tracer, folding, senders = await in_thread(lambda: _made(settings, self._clock), "tracing")
        self._folding, self._senders = folding, senders
        for thread in (*senders, folding):
            thread.start()
        stack.push_async_callback(self._close)
        metrics.gauge("tracing", lambda: {**tracer.counts(), **folding.counts()})
        for sender in senders:
            metrics.gauge(f"tracing_{sender.to}", sender.counts)
        client.further = outgoing
        self.door.tracer = tracer

    async def _close(self) -> None:
        """Tell what has ended, for at most some seconds."""
        await in_thread(self._end, "tracing-end")

    def _end(self) -> None:
        until = self._clock.monotonic() + FLUSH_S
        if self._folding is not None:
            self._folding.end(FLUSH_S)
        for sender in self._senders:
            sender.end(max(LEAST_S, until - self._clock.monotonic()))


def _made(settings: TracingSettings, clock: Clock) -> tuple[Tracer, "Folding", list["Sender"]]:
    from llmproxy.infra.tracing.folding import Folding  # noqa: PLC0415
    from llmproxy.infra.tracing.naming import Places  # noqa: PLC0415
    from llmproxy.infra.tracing.sender import Sender  # noqa: PLC0415
    from llmproxy.infra.tracing.spans import SpanMaker, resource_of  # noqa: PLC0415

    tracer, contents = _follower(settings)
    release = __version__
    more = {"service.instance.id": str(uuid4()), **settings.resource}
    resource = resource_of(settings.service, release, more)
    maker = SpanMaker(
        resource,
        release,
        Places(),
        for_azure=settings.azure is not None,
        rate_percent=_rate_percent(settings),
        contents=contents,
    )
    destinations = _destinations(settings)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in REPEATING:
        logging.getLogger(name).addFilter(OnceAWhile(clock))
    senders = [Sender(each, (resource, maker.scope), clock) for each in destinations]
    return tracer, Folding(tracer.ended, maker, senders, clock), senders


def _follower(settings: TracingSettings) -> tuple[Tracer, "Contents | None"]:
    """Return what notes requests, and what keeps their contents where spans tell them."""
    sampled = sampler(settings.sampler, settings.ratio)
    if settings.contents is None:
        return Tracer(sampled), None
    from llmproxy.bootstrap.span_contents import ContentsOnSpans  # noqa: PLC0415
    from llmproxy.infra.tracing.contents import AZURE_BYTES, TellingTracer  # noqa: PLC0415

    most = None if settings.azure is None else AZURE_BYTES
    contents = ContentsOnSpans(settings.contents, most)
    return TellingTracer(sampled, contents), contents


def _destinations(settings: TracingSettings) -> list["Destination"]:
    destinations = []
    if settings.collector is not None:
        destinations.append(_collector(settings.collector, settings.metrics_every_s))
    if settings.azure is not None:
        from llmproxy.infra.tracing.azure import application_insights  # noqa: PLC0415

        destinations.append(
            application_insights(
                settings.azure.expose(),
                timeout_s=AZURE_TIMEOUT_S,
                metrics_every_s=settings.metrics_every_s,
            )
        )
    return destinations


def _collector(settings: CollectorSettings, metrics_every_s: float) -> "Destination":
    from llmproxy.infra.tracing.otlp import collector  # noqa: PLC0415

    return collector(
        settings.traces_url,
        settings.metrics_url,
        {name: value.expose() for name, value in settings.headers.items()},
        timeout_s=settings.timeout_s,
        gzip=settings.gzip,
        certificate=settings.certificate,
        metrics_every_s=metrics_every_s,
    )


def _rate_percent(settings: TracingSettings) -> float | None:
    """Return how many traces that begin here are followed, for counts that multiply by it."""
    if settings.azure is None or not settings.sampler.endswith("traceidratio"):
        return None
    return settings.ratio * 100 or None


class OnceAWhile(logging.Filter):
    """Lets a line through, and then none for a minute: nothing is said every second."""

    def __init__(self, clock: Clock, every_s: float = 60.0) -> None:
        super().__init__()
        self._clock = clock
        self._every_s = every_s
        self._next_at = float("-inf")

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock.monotonic()
        if now < self._next_at and record.levelno >= logging.INFO:
            return False
        self._next_at = now + self._every_s
        return True
