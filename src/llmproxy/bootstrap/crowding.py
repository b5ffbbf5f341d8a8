"""The gate before requests' bodies, from the settings."""

from llmproxy.application.registry import Registry
from llmproxy.config import Settings
from llmproxy.config.memory import bytes_for_bodies
from llmproxy.infra.controllers.crowd import Bounds, Crowd
from llmproxy.infra.telemetry.metrics import Metrics


def open_crowd(settings: Settings, registry: Registry, metrics: Metrics) -> Crowd:
    """Return what all requests of this worker get their room from."""
    told = settings.admission

    def weight_of(project: str) -> float:
        found = registry.snapshot.projects.get(project)
        return 1.0 if found is None else found.weight

    body_bytes = told.body_bytes
    if body_bytes is None:
        body_bytes = bytes_for_bodies(settings.max_body_bytes)
    crowd = Crowd(
        Bounds(settings.max_concurrent_requests, body_bytes, told.max_queued, told.queue_timeout_s),
        weight_of,
    )
    metrics.gauge("admission", crowd.figures)
    return crowd
