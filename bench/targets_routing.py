"""What eight deployments may add to a request: at most 10 µs of CPU, whoever is asked first."""

from collections.abc import Iterator

from bench.routed import MODELS
from bench.samples import (
    ALONE,
    LATENCY,
    OUTSTANDING,
    PLAIN,
    SINGLE,
    UNARY,
    WEIGHTED,
    Results,
    more_us,
)
from bench.targets import Target

_MORE_US = 10.0
_CONNECTIONS = {UNARY: "c=64", SINGLE: "c=1"}
_HELD = (WEIGHTED, OUTSTANDING, LATENCY)


def of_routing(results: Results) -> Iterator[Target]:
    """List the targets."""
    for name in _HELD:
        for kind, connections in _CONNECTIONS.items():
            found = results.paired((name, ALONE), PLAIN, kind, more_us)
            what = f"routing over 8 deployments, {MODELS[name].strategy}, CPU of a request"
            yield Target(f"{what}, more than with one, {connections}", _MORE_US, "µs", found)
