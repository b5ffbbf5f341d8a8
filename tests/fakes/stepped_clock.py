"""A clock whose wall can be set while time goes on."""

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock


class SteppedClock(Clock):
    """`advance` lets time pass for both clocks, `set_wall` sets one as an operator does."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.wall_s = now
        self.passed_s = 1_000.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_s += seconds
        self.passed_s += seconds

    def set_wall(self, by_s: float) -> None:
        """Set the wall clock forth or back."""
        self.wall_s += by_s

    @override
    def now(self) -> float:
        return self.wall_s

    @override
    def monotonic(self) -> float:
        return self.passed_s
