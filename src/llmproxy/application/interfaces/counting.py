"""Whether limits can hold: whether all who let calls through count them together."""

from abc import abstractmethod
from typing import Protocol


class Counting(Protocol):
    """Knows of the workers that serve beside this process."""

    @abstractmethod
    def fault(self) -> str | None:
        """Say why limits cannot hold now, for people; None when they can. Looks at once."""
