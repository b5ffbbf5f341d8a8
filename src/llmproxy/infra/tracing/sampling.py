"""Which requests are followed: OpenTelemetry's samplers, as numbers.

https://opentelemetry.io/docs/specs/otel/trace/sdk/#built-in-samplers. The ratio is decided by the
trace id as `TraceIdRatioBased` of OpenTelemetry's Python SDK does, so that both keep the same ones.
"""

from collections.abc import Callable
from typing import Final

from llmproxy.application.interfaces.trace import SAMPLED
from llmproxy.infra.tracing.context import Parent

_LOW: Final = (1 << 64) - 1

Sampler = Callable[[int, Parent | None], bool]
"""Whether a request is followed, by its trace id and who asked for it."""


def sampler(name: str, ratio: float) -> Sampler:
    """Return the sampler of this name; `ratio` is for those that are named for it."""
    bound = _bound(name.removeprefix("parentbased_"), ratio)
    if not name.startswith("parentbased_"):
        return lambda trace_id, _: trace_id & _LOW < bound

    def as_the_parent(trace_id: int, parent: Parent | None) -> bool:
        return trace_id & _LOW < bound if parent is None else bool(parent.flags & SAMPLED)

    return as_the_parent


def _bound(name: str, ratio: float) -> int:
    """Return what the lower half of a trace id is below of when it is followed."""
    if name == "always_on":
        return _LOW + 1
    return 0 if name == "always_off" else round(ratio * (_LOW + 1))
