"""Counters and histograms by the values of their labels, within one bound of lines."""

from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from llmproxy.infra.telemetry.prometheus.family import WORKER, Family, escaped, labelled

MAX_LINES: Final = 50_000
"""Of one worker, in the exposition: some 7 MB of text. A histogram takes a line per bucket."""
OTHER: Final = "other"


class Count:
    """A whole number that grows."""

    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


class Histogram:
    """`counts` has one entry per bound and one for all above; each counts its own bucket only."""

    __slots__ = ("counts", "total")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.total = 0.0


class Room:
    """The lines that may still be taken."""

    def __init__(self, most: int = MAX_LINES) -> None:
        self.most = most
        self.taken = 0

    def take(self, lines: int) -> bool:
        """Whether there is room for so many more; it is taken then."""
        if self.taken + lines > self.most:
            return False
        self.taken += lines
        return True


Kept = TypeVar("Kept")


class Series(Generic[Kept]):
    """The series of one family. What finds no room shares one, whose labels all say `other`."""

    def __init__(self, family: Family, room: Room, make: Callable[[], Kept], lines: int) -> None:
        self.family = family
        self._room = room
        self._make = make
        self._lines = lines
        self._found: dict[tuple[str, ...], tuple[str, Kept]] = {}
        self._other: Kept | None = None

    def of(self, *values: str) -> tuple[Kept, bool]:
        """Return the series with these labels, and whether it is its own."""
        found = self._found.get(values)
        if found is not None:
            return found[1], True
        if self._room.take(self._lines):
            made = self._make()
            self._found[values] = (labelled(self.family.labels, values), made)
            return made, True
        if self._other is None:
            self._other = self._make()
        return self._other, False

    def every(self) -> Iterator[tuple[str, Kept]]:
        """Yield labels as text, and what is kept, in the order of the labels."""
        for _, found in sorted(self._found.items()):
            yield found
        if self._other is not None:
            names = self.family.labels
            yield labelled(names, (OTHER,) * len(names)), self._other

    def forget(self, gone: Callable[[tuple[str, ...]], bool]) -> None:
        """Let go of those whose labels are gone, and take back their room."""
        for values in [each for each in self._found if gone(each)]:
            del self._found[values]
            self._room.taken -= self._lines


def counter_lines(family: Family, worker: str, series: Series[Count]) -> Iterator[str]:
    """Yield the samples of a counter."""
    for labels, count in series.every():
        yield sample(family.name, worker, labels, str(count.n))


def histogram_lines(
    name: str, worker: str, bounds: tuple[float, ...], labels: str, kept: Histogram
) -> Iterator[str]:
    """Yield the samples of one histogram: buckets that add up, their sum and their count."""
    before = head(worker, labels)
    total = 0
    counts = tuple(kept.counts)
    for bound, here in zip(bounds, counts, strict=False):
        total += here
        yield f'{name}_bucket{{{before},le="{bound}"}} {total}'
    total += counts[-1]
    yield f'{name}_bucket{{{before},le="+Inf"}} {total}'
    yield f"{name}_sum{{{before}}} {kept.total!r}"
    yield f"{name}_count{{{before}}} {total}"


def head(worker: str, labels: str) -> str:
    """Return all labels of a series of a worker."""
    first = f'{WORKER}="{escaped(worker)}"'
    return f"{first},{labels}" if labels else first


def sample(name: str, worker: str, labels: str, value: str) -> str:
    """Return one line of a series of a worker."""
    return f"{name}{{{head(worker, labels)}}} {value}"


def parts_of(whole: int, digits: int) -> str:
    """Return `whole` with so many digits behind the point, exact: 1500 and 3 give `1.5`."""
    above, below = divmod(whole, 10**digits)
    return f"{above}.{below:0{digits}d}".rstrip("0") if below else str(above)


def number(value: float) -> str:
    """Return a figure in as few digits as tell it exactly."""
    whole = int(value)
    return str(whole) if whole == value else repr(value)
