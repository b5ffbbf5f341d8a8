"""A clock that tests hold still and move."""

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock


class FakeClock(Clock):
    """Both times stand where they are put; `advance` moves them together."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time_s = now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time_s += seconds

    @override
    def now(self) -> float:
        return self.time_s

    @override
    def monotonic(self) -> float:
        return self.time_s
