"""How late the event loop comes to a timer: what every request waits for when something blocks."""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.families import LAG_S
from llmproxy.infra.telemetry.prometheus.family import Family
from llmproxy.infra.telemetry.prometheus.series import Histogram, histogram_lines, number, sample

EVERY_S: Final = 0.1
WINDOW_S: Final = 60.0


class LoopLag:
    """Ten looks a second, each a call of a timer: some 20 µs of CPU time a second."""

    def __init__(self) -> None:
        self._seen = Histogram(len(LAG_S))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._most = 0.0
        self._most_before = 0.0
        self._window_ends = 0.0

    def start(self) -> None:
        """Look from now on, within the running loop."""
        self._loop = asyncio.get_running_loop()
        self._window_ends = self._loop.time() + WINDOW_S
        self._again(self._loop)

    def stop(self) -> None:
        """Look no more; stopping twice is fine."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def blocks(self, worker: str) -> Iterator[tuple[Family, Iterator[str]]]:
        """Yield both families with their samples."""
        family = families.LAG
        yield family, histogram_lines(family.name, worker, LAG_S, "", self._seen)
        most = number(max(self._most, self._most_before))
        yield families.LAG_MAX, iter((sample(families.LAG_MAX.name, worker, "", most),))

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + EVERY_S
        self._timer = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        # A loop's timers go by a clock of whole milliseconds (uvloop), so that one may come early.
        late_s = max(now - self._due, 0.0)
        self._seen.counts[bisect_left(LAG_S, late_s)] += 1
        self._seen.total += late_s
        self._most = max(self._most, late_s)
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_S
            self._most_before, self._most = self._most, 0.0
        self._again(loop)
