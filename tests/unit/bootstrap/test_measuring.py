"""What is counted while the registry changes."""

import pytest

from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.measuring import metrics_of
from tests.exposition import read, value
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import deployment
from tests.unit.infra.telemetry.prometheus.settled import settled

pytestmark = pytest.mark.asyncio

REQUESTS = "llmproxy_requests_total"


async def test_a_call_is_counted_with_the_provider_that_it_had() -> None:
    """Calls wait to be counted, but not for another snapshot, in which theirs may be gone."""
    registry = Registry(FakeClock())
    model = deployment(id="azure-mini")
    registry.install(Snapshot((model,)))
    metrics = metrics_of(registry)
    metrics.calls.settled(settled())
    registry.install(Snapshot())
    metrics.calls.settled(settled())

    found = read(await metrics.text())
    assert value(found, REQUESTS, provider=model.model.provider) == 1
    assert value(found, REQUESTS, provider="unknown") == 1
