"""The machine's own clocks."""

import time

from llmproxy.application.interfaces.clock import Clock


class SystemClock(Clock):
    """`now` is the wall clock, `monotonic` the performance counter that requests are timed with."""

    # Not wrapped: a call asks nine times what time it is.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.perf_counter)
