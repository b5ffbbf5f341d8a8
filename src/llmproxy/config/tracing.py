"""What of traces and their figures the gateway can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from llmproxy.config.logs import ContentRules
from llmproxy.domain.secret import Secret

SAMPLERS: Final = (
    "parentbased_traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "traceidratio",
    "always_on",
    "always_off",
)


@dataclass(frozen=True)
class CollectorSettings:
    """A collector that speaks OTLP over HTTP; a URL that is None is sent nothing."""

    traces_url: str | None
    metrics_url: str | None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    timeout_s: float = 10.0
    gzip: bool = False
    certificate: str | None = None


@dataclass(frozen=True)
class TracingSettings:
    """Where traces and figures go, and which requests are followed."""

    collector: CollectorSettings | None
    azure: Secret | None
    """The connection string of Application Insights (learn.microsoft.com, "Connection strings in
    Application Insights")."""
    azure_endpoint: str | None
    """Its `IngestionEndpoint`, where it names one."""
    service: str = "llmproxy"
    resource: Mapping[str, str] = field(default_factory=dict)
    sampler: str = SAMPLERS[0]
    ratio: float = 1.0
    metrics_every_s: float = 60.0
    contents: ContentRules | None = None
    """What holds for contents on spans; None where none are told."""
