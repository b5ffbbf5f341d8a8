"""Traces and figures for those who collect them, where the settings name somebody.

OpenTelemetry and its exporters are imported then and only then.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, NamedTuple
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

if TYPE_CHECKING:
    from llmproxy.infra.tracing.contents import Contents
    from llmproxy.infra.tracing.folding import Folding
    from llmproxy.infra.tracing.sender import Destination, Sender
    from llmproxy.infra.tracing.tally import Tally
    from llmproxy.infra.tracing.tracer import Count, Tracer

LOOK_EVERY_S: Final = 0.25
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


class _Made(NamedTuple):
    """What follows requests: on the event loop, and in threads."""

    tracer: "Tracer"
    tally: "Tally"
    folding: "Folding"
    senders: list["Sender"]

    async def look(self) -> None:
        """Let the event loop look at what has ended, a few times a second, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.tracer.look()
            self.tally.hand_over()

    def counts(self) -> dict[str, float]:
        """Return how many requests wait to be told, were dropped, and could not be told."""
        counts = dict(self.tracer.counts())
        counts["requests_broken"] += self.folding.broken
        return counts


class Tracing:
    """What follows requests, where the settings name somebody who is told of them."""

    def __init__(self, settings: TracingSettings | None, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
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
        made = await in_thread(lambda: _made(settings, self._clock), "tracing")
        for thread in (*made.senders, made.folding):
            thread.start()
        looking = asyncio.create_task(made.look())
        stack.push_async_callback(self._close, made, looking)
        metrics.gauge("tracing", made.counts)
        for sender in made.senders:
            metrics.gauge(f"tracing_{sender.to}", sender.counts)
        client.further = outgoing
        self.door.tracer = made.tracer

    async def _close(self, made: _Made, looking: "asyncio.Task[None]") -> None:
        """Tell what has ended, for at most some seconds."""
        looking.cancel()
        made.tracer.look()
        made.tally.hand_over(at_last=True)
        await in_thread(lambda: self._end(made), "tracing-end")

    def _end(self, made: _Made) -> None:
        until = self._clock.monotonic() + FLUSH_S
        made.folding.end(FLUSH_S)
        for sender in made.senders:
            sender.end(max(LEAST_S, until - self._clock.monotonic()))


def _made(settings: TracingSettings, clock: Clock) -> _Made:
    from llmproxy.infra.tracing.figures import Figures  # noqa: PLC0415
    from llmproxy.infra.tracing.folding import Folding  # noqa: PLC0415
    from llmproxy.infra.tracing.naming import Places  # noqa: PLC0415
    from llmproxy.infra.tracing.sender import Sender  # noqa: PLC0415
    from llmproxy.infra.tracing.spans import SpanMaker, resource_of  # noqa: PLC0415
    from llmproxy.infra.tracing.tally import Tally  # noqa: PLC0415

    destinations = _destinations(settings)
    tally = Tally(Figures(Places()))
    counted = any(each.metrics is not None for each in destinations)
    tracer, contents = _follower(settings, tally.count if counted else None)
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
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in REPEATING:
        logging.getLogger(name).addFilter(OnceAWhile(clock))
    senders = [Sender(each, (resource, maker.scope), clock) for each in destinations]
    folding = Folding(tracer.ended, tally.handed, maker, senders, clock)
    return _Made(tracer, tally, folding, senders)


def _follower(
    settings: TracingSettings, count: "Count | None"
) -> tuple["Tracer", "Contents | None"]:
    """Return what notes requests, and what keeps their contents where spans tell them."""
    from llmproxy.infra.tracing.tracer import Tracer  # noqa: PLC0415

    sampled = sampler(settings.sampler, settings.ratio)
    if settings.contents is None:
        return Tracer(sampled, count), None
    from llmproxy.bootstrap.span_contents import ContentsOnSpans  # noqa: PLC0415
    from llmproxy.infra.tracing.contents import AZURE_BYTES, TellingTracer  # noqa: PLC0415

    most = None if settings.azure is None else AZURE_BYTES
    contents = ContentsOnSpans(settings.contents, most)
    return TellingTracer(sampled, contents, count), contents


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
