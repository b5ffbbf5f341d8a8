"""What the healths of all deployments share."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from llmproxy.application.interfaces.clock import Clock


class State(StrEnum):
    """Whether a deployment is asked in its turn."""

    __hash__ = str.__hash__

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It failed: others are asked before it."""
    HALF_OPEN = "half_open"
    """It is asked in its turn, by one call at a time, to see whether it is well again."""
    RESTING = "resting"
    """Its provider's limit was reached: others are asked before it."""
    SHEDDING = "shedding"
    """It is nearly full: for a share of the calls others are asked before it."""


class Change(NamedTuple):
    """A deployment, by the id of its document: what has become of it, for other workers.

    `state` is OPEN, CLOSED or RESTING; `until` is in unix seconds, 0 where the state has no end.
    """

    deployment: str
    state: State
    until: float


class Ward:
    """Time, who is told, how many are unwell, and what is compared from call to call.

    That is in columns, where each health has a place: how many calls are under way, and how soon
    answers begin, in seconds. To compare eight deployments reads two lists and not eight healths.
    """

    __slots__ = ("_free", "average_s", "clock", "jitter", "outstanding", "tell", "unwell")

    def __init__(
        self, clock: Clock, jitter: Callable[[], float], tell: Callable[[Change], None]
    ) -> None:
        self.clock = clock
        self.jitter = jitter
        self.tell = tell
        self.unwell = 0
        self.outstanding: list[int] = []
        self.average_s: list[float] = []
        self._free: list[int] = []

    def enter(self) -> int:
        """Return the place of one more."""
        if self._free:
            return self._free.pop()
        self.outstanding.append(0)
        self.average_s.append(0.0)
        return len(self.outstanding) - 1

    def leave(self, place: int) -> "Ward":
        """Give a place back to others; return a ward of its own for what still ends there."""
        alone = Ward(self.clock, self.jitter, _nobody)
        alone.outstanding.append(self.outstanding[place])
        alone.average_s.append(self.average_s[place])
        self.outstanding[place], self.average_s[place] = 0, 0.0
        self._free.append(place)
        return alone


def _nobody(change: Change) -> None:
    del change
