"""How many retries the calls for a model may cause."""

from collections.abc import Callable
from math import exp
from typing import Final

SHARE: Final = 0.2
"""Of the calls: an outage that makes every call fail multiplies them by 1.2, not by three."""
PER_SECOND: Final = 10.0
"""Beside the share: a model with few calls may retry all of them."""
MAX_WAITING: Final = 1_000
"""So many calls of a model may wait for a trial by another call; the next ones are told at once."""
MEMORY_S: Final = 10.0
"""What calls have earned is forgotten at this pace: a quiet day does not pay for a storm."""


class RetryBudget:
    """At most `SHARE` of the calls and `PER_SECOND` a second, over any time.

    `taken` and `denied` count what was asked for, `waiting` calls that pause before they go on.
    """

    __slots__ = (
        "_calls",
        "_left",
        "_monotonic",
        "_recent",
        "_settled_at",
        "denied",
        "taken",
        "waiting",
    )

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._calls = 0
        self._left = PER_SECOND
        self._recent = 0.0
        self._settled_at = monotonic()
        self.taken = self.denied = self.waiting = 0

    def began(self) -> None:
        """Count a call."""
        self._calls += 1

    def take(self) -> bool:
        """Take one retry out of the budget; False when there is none left."""
        self._settle()
        if self._left < 1:
            self.denied += 1
            return False
        self._left -= 1
        self.taken += 1
        return True

    def is_idle(self) -> bool:
        """Whether it is as good as new: there were next to no calls of late."""
        self._settle()
        return not self.waiting and self._recent < 1 and self._left >= PER_SECOND

    def _settle(self) -> None:
        """Add what was earned since the last time, as if the calls had come evenly."""
        now = self._monotonic()
        passed_s = now - self._settled_at
        self._settled_at = now
        calls, self._calls = self._calls, 0
        recent = self._recent
        if passed_s > 0:
            kept = exp(-passed_s / MEMORY_S)
            recent = recent * kept + calls * MEMORY_S * (1 - kept) / passed_s
        else:
            recent += calls
        self._recent = recent
        earned = PER_SECOND * passed_s + SHARE * calls
        self._left = min(self._left + earned, PER_SECOND + SHARE * recent)
