"""The machine's own clocks."""

import time

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock


class SystemClock(Clock):
    """`now` is the wall clock, `monotonic` the performance counter that requests are timed with."""

    @override
    def now(self) -> float:
        return time.time()

    @override
    def monotonic(self) -> float:
        return time.perf_counter()
