"""What watching may add to a request: metrics and log at most 15 µs of CPU, 5 % of traces 30 more.

All requests traced is for a while or for little traffic: its cost is stated, and has no bound.
"""

from collections.abc import Iterator

from bench.samples import (
    OBSERVED,
    PLAIN,
    SINGLE,
    TRACED_SOME,
    UNARY,
    UNOBSERVED,
    Results,
    more_us,
)
from bench.targets import Target

_HELD = (
    ("metrics and log, CPU of a request, more than without", (OBSERVED, UNOBSERVED), 15.0),
    ("5 % of requests traced, CPU of a request, more than with 0 %", (TRACED_SOME, OBSERVED), 30.0),
)
_CONNECTIONS = {UNARY: "c=64", SINGLE: "c=1"}


def of_observed(results: Results) -> Iterator[Target]:
    """List the targets."""
    for what, pair, most in _HELD:
        for kind, connections in _CONNECTIONS.items():
            found = results.paired(pair, PLAIN, kind, more_us)
            yield Target(f"{what}, {connections}", most, "µs", found)
