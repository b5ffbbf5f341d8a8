"""Which calls go elsewhere because a provisioned deployment is nearly full.

Azure tells its utilization in percent with each answer (`azure-openai-deployment-utilization`) and
refuses calls above 100 % (learn.microsoft.com, "Get started using provisioned deployments",
"Handling high utilization"). Waiting for the refusals would cost callers time; so a growing share
goes elsewhere before.
"""

from typing import Final

MOST: Final = 0.98
"""Never all: an answer now and then has to tell when there is room again."""
FULL: Final = 100.0
NEWS_S: Final = 15.0
"""Without news for so long the deployment is asked as ever."""


class Spill:
    """The share that moves away is 0 up to `spill_at` percent and grows in proportion from there.

    It reaches `MOST` when the deployment is full. No dice: parts of calls add up to whole ones.
    """

    __slots__ = ("_heard_at", "_owed", "percent", "spill_at")

    def __init__(self, spill_at: float) -> None:
        self.spill_at = spill_at
        self.percent: float | None = None
        self._heard_at = 0.0
        self._owed = 0.0

    def heard(self, percent: float, now: float) -> None:
        """Note how full the deployment is."""
        self.percent = percent
        self._heard_at = now

    def share(self, now: float) -> float:
        """Return the share of calls that go elsewhere now, from 0 to `MOST`."""
        percent = self.percent
        if percent is None or percent <= self.spill_at or now >= self.until:
            return 0.0
        return MOST * min((percent - self.spill_at) / (FULL - self.spill_at), 1.0)

    @property
    def until(self) -> float:
        """When the news is too old to go by, in monotonic seconds."""
        return self._heard_at + NEWS_S

    def moves(self, now: float) -> bool:
        """Whether the next call goes elsewhere; it is counted."""
        self._owed += self.share(now)
        if self._owed < 1:
            return False
        self._owed -= 1
        return True

    def would_move(self, now: float) -> bool:
        """Whether the next call goes elsewhere."""
        return self._owed + self.share(now) >= 1
