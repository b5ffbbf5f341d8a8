"""What the application counts."""

from abc import abstractmethod
from typing import Protocol

from llmproxy.application.interfaces.journal import Closed


class Meter(Protocol):
    """Takes the figures of calls; cheap enough for every request."""

    @abstractmethod
    def settled(self, entry: Closed) -> None:
        """Count one call that was admitted and has ended, as the journal was told of it."""

    @abstractmethod
    def refused(self, scope: str, limit: str) -> None:
        """Count one call that a limit has refused: the kind of its scope, and its field."""
