"""The server from outside: its memory, its files, its own figures, sampled while it works."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests import exposition
from tests.api.asking import ask
from tests.api.gateway import Gateway
from tests.api.traces import open_files, resident_bytes

SAMPLE_S = 2.0
WARM_UP = 1 / 3
WARM_UP_S = 420.0
"""The first part of a run is no sign of a leak, and it is at least so long: pools and caches fill,
and the fleet remembers five minutes of every deployment's times.
"""
SLOPE_S = 240.0
"""Over less than this a slope says nothing."""
MEGABYTE = 1024 * 1024


class Sample(NamedTuple):
    """One look at the server."""

    at_s: float
    resident_mb: float
    files: int


class Rest(NamedTuple):
    """The server when nobody asks."""

    files: int
    in_flight: float
    connections: float
    """Open to providers; idle ones are kept for a while."""
    active: float
    """Of these, with a call."""
    tasks: float


@dataclass(slots=True)
class Watch:
    """Samples of one run."""

    gateway: Gateway
    samples: list[Sample] = field(default_factory=list)

    async def watch(self, each: Callable[[Sample], None]) -> None:
        """Sample until cancelled."""
        began = time.monotonic()
        while True:
            sample = Sample(
                time.monotonic() - began,
                resident_bytes(self.gateway.process.pid) / MEGABYTE,
                open_files(self.gateway.process.pid),
            )
            self.samples.append(sample)
            each(sample)
            await asyncio.sleep(SAMPLE_S)

    def warm(self) -> list[Sample]:
        """The samples after the warm-up."""
        if not self.samples:
            return []
        from_s = max(self.samples[-1].at_s * WARM_UP, WARM_UP_S)
        return [each for each in self.samples if each.at_s >= from_s]

    def slope_mb_per_min(self) -> float | None:
        """How fast memory grows after the warm-up, by least squares; None for a short run."""
        warm = self.warm()
        if not warm or warm[-1].at_s - warm[0].at_s < SLOPE_S:
            return None
        mean_s = sum(each.at_s for each in warm) / len(warm)
        mean_mb = sum(each.resident_mb for each in warm) / len(warm)
        above = sum((each.at_s - mean_s) * (each.resident_mb - mean_mb) for each in warm)
        return 60 * above / sum((each.at_s - mean_s) ** 2 for each in warm)


def figures(gateway: Gateway) -> dict[str, float]:
    """All figures of the server, by name."""
    return exposition.figures(ask(gateway.url, "/metrics").body.decode(), "")


def at_rest(gateway: Gateway) -> Rest:
    """Look at a server that has nothing to do."""
    said = figures(gateway)
    return Rest(
        open_files(gateway.process.pid),
        said["llmproxy_requests_in_flight"],
        said["llmproxy_upstream_connections_open"],
        said["llmproxy_upstream_connections_active"],
        said["llmproxy_process_tasks"],
    )
