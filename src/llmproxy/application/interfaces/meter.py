"""What the application counts."""

from abc import abstractmethod
from typing import Protocol


class Meter(Protocol):
    """Takes the figures of a settled call; cheap enough for every request."""

    @abstractmethod
    def settled(self, *, model: str, operation: str, outcome: str, duration_s: float) -> None:
        """Count one call that was admitted and has ended."""
