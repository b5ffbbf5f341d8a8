"""Time for counting, which a clock that is set cannot turn back."""

from collections.abc import Callable


class SteadyTime:
    """Time that goes on at the pace of a monotonic clock and jumps forward, never back.

    A wall clock that is set back changes nothing: time goes on from where it was, ahead of the wall
    clock until the process ends. So no window opens again and no amount is counted in two.
    """

    __slots__ = ("_ahead", "_monotonic", "_told", "_wall")

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._told = wall()
        self._ahead = self._told - monotonic()

    def __call__(self) -> float:
        """Return unix seconds."""
        wall = self._wall()  # Read first: a pause between the two cannot put time ahead.
        monotonic = self._monotonic()
        ahead = self._ahead
        if wall - monotonic > ahead:
            ahead = self._ahead = wall - monotonic
        now = monotonic + ahead
        if now < self._told:
            return self._told
        self._told = now
        return now
