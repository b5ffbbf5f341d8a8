"""How soon most of a deployment's answers begin."""

from itertools import accumulate
from math import exp, floor, log
from typing import Final

SLICE_S: Final = 30
SLICES: Final = 10
LEAST_ANSWERS: Final = 20
_PERCENT: Final = 95
_STEP: Final = 0.05
"""Times are counted in classes, each 5 % wider than the one before: so exact is the percentile."""
_SHORTEST_S: Final = 0.0001
_KEPT_S: Final = 1.0


class Percentile:
    """The 95th percentile of the last five minutes, of which only counts by class are kept.

    That is at most some 300 classes, from 0.1 ms to an hour, in each of eleven slices.
    """

    __slots__ = ("_kept_until", "_past", "_slice", "_slice_ends", "_told_s")

    def __init__(self) -> None:
        self._slice: dict[int, int] = {}
        self._slice_ends = 0.0
        self._past: list[tuple[float, dict[int, int]]] = []
        self._told_s: float | None = None
        self._kept_until = 0.0

    def count(self, seconds: float, now: float) -> None:
        """Count an answer."""
        if now >= self._slice_ends:
            self._turn(now)
        counts = self._slice
        step = floor(log(max(_SHORTEST_S, seconds)) / _STEP)
        counts[step] = counts.get(step, 0) + 1

    def _turn(self, now: float) -> None:
        if self._slice:
            self._past.append((self._slice_ends, self._slice))
            del self._past[:-SLICES]
        self._slice = {}
        self._slice_ends = now + SLICE_S

    def seconds(self, now: float) -> float | None:
        """Return what 95 % of the answers stayed under, at most 5 % too much.

        None before 20 answers. Counted anew at most once a second.
        """
        if now >= self._kept_until:
            self._kept_until = now + _KEPT_S
            self._told_s = self._counted(now)
        return self._told_s

    def _counted(self, now: float) -> float | None:
        counts: dict[int, int] = {}
        oldest = now - SLICE_S * SLICES
        for ends, counted in (*self._past, (self._slice_ends, self._slice)):
            if ends > oldest:
                for step, count in counted.items():
                    counts[step] = counts.get(step, 0) + count
        total = sum(counts.values())
        if total < LEAST_ANSWERS:
            return None
        steps = sorted(counts)
        so_far = accumulate([counts[step] for step in steps])
        most = next(
            step
            for step, count in zip(steps, so_far, strict=True)
            if count * 100 >= total * _PERCENT
        )
        return exp((most + 1) * _STEP)
