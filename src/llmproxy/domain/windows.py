"""What a scope uses and holds, counted in windows; whole numbers, and nothing here waits.

Times are unix seconds that never go back (domain/steady_time.py makes such of a clock that is set).
An amount counts in the step of time in which its call was admitted, whenever the call ends, and
what is held counts like what was used:

- minute: steps of 2 s, of which 31 count, so that 60 s lie in them however they are cut;
- day: steps of 15 minutes, of which 97 count;
- month: the calendar's, in UTC;
- total: all there ever was.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from llmproxy.domain.limit import SLIDING, Measure, Rule, Window, month_of

Amounts = tuple[int, int, int]
"""Requests, tokens, cost in nano-units."""
PLACE: Final = {Measure.REQUESTS: 0, Measure.TOKENS: 1, Measure.COST: 2}
NOTHING: Final[Amounts] = (0, 0, 0)
NEVER: Final = 1 << 100
"""More than anything that is counted."""
REARMED_AT_PERCENT: Final = 90
"""In a sliding window a share of a limit can be reached again when less than this of it is used."""


class Passed(NamedTuple):
    """A counter has reached a share of its limit."""

    counter: "Counter"
    percent: int


class Counter:
    """One measure in one window. This one is the total: it forgets nothing.

    `most` is what the present limits allow, NEVER while no rule is about this counter. Calls that
    were admitted before the second `since` are in no window of this counter.
    """

    __slots__ = (
        "_shares",
        "_told",
        "alert_at",
        "held",
        "measure",
        "most",
        "place",
        "since",
        "used",
        "window",
    )

    def __init__(self, measure: Measure, window: Window = Window.TOTAL) -> None:
        self.measure = measure
        self.window = window
        self.place = PLACE[measure]
        self.used = self.held = self.since = 0
        self.most = NEVER
        self.alert_at = NEVER
        self._shares: tuple[tuple[int, int], ...] = ()
        self._told = 0

    @property
    def rule(self) -> Rule:
        """The limit that it counts for."""
        return Rule(self.measure, self.window, self.most)

    def hold(self, second: int, amount: int) -> None:
        """Hold an amount of a call that was admitted then, unless its window has passed."""
        if second >= self.since:
            self.held += amount

    def count(self, second: int, amount: int) -> None:
        """Count what was used then and never held; what lies ahead counts as of now."""
        if second >= self.since:
            self.used += amount

    def roll(self, second: int) -> int:
        """Forget what has left the window; return when there is more to forget."""
        del second
        return NEVER

    def frees_in(self, now: float, excess: int) -> float | None:
        """Return the seconds until so much has left the window; None when it never will."""
        del now, excess
        return None

    def resets_in(self, now: float) -> float | None:
        """Return the seconds until nothing is left in the window; None when that never comes."""
        del now
        return None

    @property
    def began(self) -> int | None:
        """When the window began, None for those that slide and for the total."""
        return None

    def watch(self, percents: Iterable[int]) -> None:
        """Tell of these shares of `most` from now on; those passed already are not told."""
        most = self.most
        self._shares = (
            tuple([(each, -(-most * each // 100)) for each in percents]) if 0 < most < NEVER else ()
        )
        self._told = sum(self.used >= amount for _, amount in self._shares)
        self._aim()

    def passed(self, amount: int) -> list[Passed]:
        """Return the shares that this amount reaches and that were not told yet."""
        new = [each for each in self._shares[self._told :] if amount >= each[1]]
        self._told += len(new)
        self._aim()
        return [Passed(self, percent) for percent, _ in new]

    def _aim(self) -> None:
        shares = self._shares
        self.alert_at = shares[self._told][1] if self._told < len(shares) else NEVER


class Monthly(Counter):
    """The calendar month of UTC."""

    __slots__ = ("_ends",)

    def __init__(self, measure: Measure, second: int) -> None:
        super().__init__(measure, Window.MONTH)
        self.since, self._ends = month_of(second)

    def roll(self, second: int) -> int:
        """Begin a new month when there is one; return when it ends."""
        if second >= self._ends:
            self.since, self._ends = month_of(second)
            self.used = self.held = self._told = 0
            self._aim()
        return self._ends

    def frees_in(self, now: float, excess: int) -> float | None:
        """Return the seconds until so much has left the window."""
        del excess
        return self._ends - now

    def resets_in(self, now: float) -> float | None:
        """Return the seconds until nothing is left in the window."""
        return self._ends - now if self.used or self.held else 0.0

    @property
    def began(self) -> int | None:
        """The first second of the month."""
        return self.since


class Sliding(Counter):
    """The last so many seconds, in steps: `[used, held]` by the number of the step, in order."""

    __slots__ = ("_length_s", "_now", "_oldest", "step_s", "steps")

    def __init__(self, measure: Measure, window: Window, second: int) -> None:
        super().__init__(measure, window)
        self.step_s, self._length_s = SLIDING[window]
        self.steps: dict[int, list[int]] = {}
        self._now = self._oldest = 0
        self.roll(second)

    def hold(self, second: int, amount: int) -> None:
        """Hold an amount, unless the window of that second has passed."""
        step = second // self.step_s
        entry = self.steps.get(step) or self._entry(step)
        if entry is not None:
            entry[1] += amount
            self.held += amount

    def count(self, second: int, amount: int) -> None:
        """Count what was used then, unless its window has passed."""
        entry = self._entry(second // self.step_s)
        if entry is not None:
            entry[0] += amount
            self.used += amount

    def _entry(self, step: int) -> list[int] | None:
        step = min(step, self._now)
        if step < self._oldest:
            return None
        steps = self.steps
        entry = steps.get(step)
        if entry is None:
            entry = steps[step] = [0, 0]
            if next(reversed(steps)) != max(steps):
                self.steps = dict(sorted(steps.items()))
        return entry

    def roll(self, second: int) -> int:
        """Forget what has left the window; return when there is more to forget."""
        step = self._now = second // self.step_s
        oldest = self._oldest = step - self._length_s // self.step_s
        steps = self.steps
        for old in list(steps):
            if old >= oldest:
                break
            used, held = steps.pop(old)
            self.used -= used
            self.held -= held
        shares = self._shares
        while self._told and self.used * 100 < shares[self._told - 1][1] * REARMED_AT_PERCENT:
            self._told -= 1
            self._aim()
        return (step + 1) * self.step_s

    def frees_in(self, now: float, excess: int) -> float | None:
        """Return the seconds until so much has left the window."""
        for step, (used, held) in self.steps.items():
            excess -= used + held
            if excess <= 0:
                return (step + 1) * self.step_s + self._length_s - now
        return None

    def resets_in(self, now: float) -> float | None:
        """Return the seconds until nothing is left in the window."""
        newest = self.steps.get(self._now)
        if newest is not None and (newest[0] or newest[1]):  # as after every `hold`
            return (self._now + 1) * self.step_s + self._length_s - now
        for step, (used, held) in reversed(self.steps.items()):
            if used or held:
                return (step + 1) * self.step_s + self._length_s - now
        return 0.0


def counter_of(measure: Measure, window: Window, second: int) -> Counter:
    """Return an empty counter."""
    if window is Window.TOTAL:
        return Counter(measure)
    return Monthly(measure, second) if window is Window.MONTH else Sliding(measure, window, second)
