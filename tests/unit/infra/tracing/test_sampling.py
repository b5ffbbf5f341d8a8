"""Which requests are followed, as OpenTelemetry's SDK decides."""

from random import Random

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from llmproxy.infra.tracing.context import Parent
from llmproxy.infra.tracing.sampling import sampler

FOLLOWED, LEFT = Parent(1, 2, 1), Parent(1, 2, 0)


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.5, 1 / 3, 1.0])
def test_the_same_as_the_sdk(ratio: float) -> None:
    """The same trace ids are followed by services that ask the SDK itself."""
    ours, theirs = sampler("traceidratio", ratio), TraceIdRatioBased(ratio)
    random = Random(5)  # noqa: S311 - the same ids in every run
    for _ in range(2_000):
        trace_id = random.getrandbits(128)
        decision = theirs.should_sample(None, trace_id, "name").decision
        assert ours(trace_id, None) == decision.is_sampled()


@pytest.mark.parametrize("own", ["traceidratio", "always_on", "always_off"])
def test_by_the_parent(own: str) -> None:
    """A parent's decision counts where the sampler is named for it, and nowhere else."""
    by_parent, alone = sampler(f"parentbased_{own}", 0.5), sampler(own, 0.5)
    for trace_id in (0, 1 << 63, (1 << 64) - 1):
        assert by_parent(trace_id, FOLLOWED)
        assert not by_parent(trace_id, LEFT)
        assert by_parent(trace_id, None) == alone(trace_id, None) == alone(trace_id, LEFT)
