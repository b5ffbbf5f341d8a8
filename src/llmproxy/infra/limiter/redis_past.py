"""The journal of this worker, as the counters in Redis are told of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.application.interfaces.limiter import History, Past, Scope, ScopeKind, Stretch
from llmproxy.infra.limiter.past import places_of
from llmproxy.infra.limiter.redis_scope import Steps, Tracked, add_line

KEPT_FILES: Final = 8


class Part(NamedTuple):
    """What a scope is told of a file: from which byte (None: never told), up to which, what."""

    file: str
    was: int | None
    end: int
    steps: Steps


Asked = tuple[Tracked, bool, Sequence[int | None]]
"""A scope, whether it waits for this worker, and up to which byte it was told of each file."""


class NoPast(Past):
    """For a limiter without a journal: counters begin at nothing."""

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        return History({}, {})

    @override
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        return []

    @override
    def place(self) -> tuple[str, int]:
        return "none", 0


class OwnFiles:
    """The files of this worker's journal, the newest last, and up to where each is known to go."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._ends: dict[str, int] = {}

    def place(self) -> tuple[str, int]:
        """Return the present file and its end, and note both."""
        place = self._past.place()
        ends = self._ends
        ends[place[0]] = place[1]
        if len(ends) > KEPT_FILES:
            del ends[next(iter(ends))]
        return place

    def names(self) -> list[str]:
        """Return the names of the files, the present one last."""
        self.place()
        return list(self._ends)

    def parts(self, asked: Sequence[Asked], now: float) -> list[list[Part] | None]:
        """Return what each scope has still to be told; None when some of it is nowhere any more.

        The files of `asked` are those of `names()`. Synchronous: nothing is settled in between.
        """
        files = self.names()
        starts = [self._starts(files, each) for each in asked]
        lowest: dict[str, int] = {}
        for each in starts:
            for file, begin in each.items():
                lowest[file] = min(begin, lowest.get(file, begin))
        found = {stretch.source: stretch for stretch in self._past.since(lowest)}
        ends = {file: self._end(file, found) for file in files}
        steps = _steps_of(asked, starts, found, now)
        told: list[list[Part] | None] = []
        for (_, _, positions), start, counted in zip(asked, starts, steps, strict=True):
            known = dict(zip(files, positions, strict=True))
            gone = [file for file, at in start.items() if self._is_gone(file, at, found)]
            told.append(
                None
                if gone
                else [
                    Part(file, known[file], max(at, ends[file]), counted.get(file, {}))
                    for file, at in start.items()
                ]
            )
        return told

    def _starts(self, files: list[str], asked: Asked) -> dict[str, int]:
        """Return from which byte of each file on a scope has to be told."""
        tracked, waits, told = asked
        file, byte = tracked.born
        began = files.index(file) if file in files else 0
        starts = {}
        for index, (name, position) in enumerate(zip(files, told, strict=True)):
            if position is not None:
                starts[name] = position
            elif waits or index > began:
                starts[name] = 0
            elif index == began:
                starts[name] = byte
        return starts

    def _end(self, file: str, found: Mapping[str, Stretch]) -> int:
        stretch = found.get(file)
        return self._ends[file] if stretch is None else stretch.end

    def _is_gone(self, file: str, begin: int, found: Mapping[str, Stretch]) -> bool:
        """Say whether bytes behind this one were not read: the ledger alone has them now."""
        if file in found:
            return found[file].end < begin
        return file != next(reversed(self._ends)) and begin < self._ends[file]


def _steps_of(
    asked: Sequence[Asked],
    starts: Sequence[dict[str, int]],
    found: Mapping[str, Stretch],
    now: float,
) -> list[dict[str, Steps]]:
    """Return by scope and file what the lines say beyond its start."""
    places: dict[tuple[ScopeKind, str], list[int]] = {}
    for index, (tracked, _, _) in enumerate(asked):
        places.setdefault((tracked.kind, tracked.name), []).append(index)
    steps: list[dict[str, Steps]] = [{} for _ in asked]
    for file, stretch in found.items():
        for line in stretch.lines:
            begins = stretch.end - 1 if line.place < 0 else line.place
            found_in = [index for place in places_of(line) for index in places.get(place, ())]
            for index in found_in:
                if begins >= starts[index].get(file, stretch.end):
                    counted = steps[index].setdefault(file, {})
                    add_line(counted, line, asked[index][0].currency, now)
    return steps
