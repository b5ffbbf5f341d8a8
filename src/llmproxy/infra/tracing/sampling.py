"""Which requests are followed: OpenTelemetry's samplers, as numbers.

https://opentelemetry.io/docs/specs/otel/trace/sdk/#built-in-samplers. The ratio is decided by the
trace id as `TraceIdRatioBased` of OpenTelemetry's Python SDK does, so that both keep the same ones.
"""

from collections.abc import Callable
from typing import Final

from llmproxy.infra.tracing.context import SAMPLED, Parent

_LOW: Final = (1 << 64) - 1

Sampler = Callable[[int, Parent | None], bool]
"""Whether a request is followed, by its trace id and who asked for it."""


def sampler(name: str, ratio: float) -> Sampler:
    """Return the sampler of this name; `ratio` is for those that are named for it."""
    by_parent = name.startswith("parentbased_")
    own = _own(name.removeprefix("parentbased_"), ratio)
    if not by_parent:
        return lambda trace_id, _: own(trace_id)

    def as_the_parent(trace_id: int, parent: Parent | None) -> bool:
        return own(trace_id) if parent is None else bool(parent.flags & SAMPLED)

    return as_the_parent


def _own(name: str, ratio: float) -> Callable[[int], bool]:
    if name == "always_on":
        return lambda _: True
    if name == "always_off":
        return lambda _: False
    bound = round(ratio * (_LOW + 1))
    return lambda trace_id: trace_id & _LOW < bound
