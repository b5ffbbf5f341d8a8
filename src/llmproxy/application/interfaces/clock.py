"""Time, as a port, so that tests can hold it still."""

from abc import abstractmethod
from typing import Protocol


class Clock(Protocol):
    """Two times: `now` for people and files, `monotonic` for durations."""

    @abstractmethod
    def now(self) -> float:
        """Return unix seconds."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds since some fixed point; never goes back."""
