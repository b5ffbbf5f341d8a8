"""To Azure Application Insights, through Microsoft's exporter and without its instrumentation.

Read in its source (azure-monitor-opentelemetry-exporter 1.0.0b58): it also tells Microsoft how it
fares itself, asks a server of Microsoft's for its own configuration, and keeps on the disk what it
could not deliver. None of that is wanted of a gateway, and it is off here.
"""

import os
from typing import Final

from llmproxy.infra.tracing.sender import Destination

SURROUNDINGS: Final = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    # A metric with every batch, of the tracer provider's resource: there is none here.
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}
"""It reads these from the environment alone."""


def application_insights(
    connection_string: str, *, timeout_s: float, metrics_every_s: float
) -> Destination:
    """Return the resource of this connection string. Raises ValueError for one that it is not."""
    os.environ.update(SURROUNDINGS)  # noqa: TID251 - no other way to tell the exporter
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415 - after its surroundings
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    spans = AzureMonitorTraceExporter(
        connection_string=connection_string,
        disable_offline_storage=True,
        timeout=timeout_s,
        read_timeout=timeout_s,
        retry_total=1,
    )
    metrics = AzureMonitorMetricExporter(
        connection_string=connection_string,
        disable_offline_storage=True,
        timeout=timeout_s,
        read_timeout=timeout_s,
        retry_total=1,
    )
    return Destination("azure", spans, metrics, delta=True, metrics_every_s=metrics_every_s)
