"""What is counted on the event loop, and handed over in sums.

To keep all records for a thread to count costs more than to count them: what is kept leaves other
requests memory that is cold, and each turn of the thread is one that the event loop waits for.
"""

from collections import deque
from typing import Final

from llmproxy.infra.tracing.figures import Figures
from llmproxy.infra.tracing.histograms import Counted

MAX_HANDED: Final = 64
"""Sums that the thread has not taken; while there are so many they grow, and are no more."""


class Tally:
    """Used on the event loop alone, but for `handed`, which a thread takes from."""

    def __init__(self, figures: Figures) -> None:
        self.handed: deque[Counted] = deque()
        self._figures = figures
        self.count = figures.fold

    def hand_over(self, *, at_last: bool = False) -> None:
        """Hand over what was counted since, if that is anything and there is room for it."""
        if any(self._figures.counted.values()) and (at_last or len(self.handed) < MAX_HANDED):
            self.handed.append(self._figures.take())
