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


class Sums:
    """What a counter has, as every call reads and writes it.

    One class for all counters: the interpreter reads attributes at one place of several classes six
    times as slowly. `taken` is what is used and held together, `most` what the present limits allow
    of it, NEVER while no rule is about it. What the present step has, all but `ended`, is left at
    the second `leaves_at`. `alert_at` is the amount at which people are told.
    """

    __slots__ = ("alert_at", "ended", "leaves_at", "most", "taken", "used")

    def __init__(self) -> None:
        self.used = self.taken = self.ended = 0
        self.leaves_at = self.most = self.alert_at = NEVER


class Counter:
    """One measure in one window. This one is the total: it forgets nothing.

    `since` is the first second whose calls are in the sums and nowhere else: for them `add` may be
    left out, and the sums changed by themselves.
    """

    __slots__ = ("_shares", "_told", "measure", "place", "since", "sums", "window")

    def __init__(self, measure: Measure, window: Window = Window.TOTAL) -> None:
        self.measure = measure
        self.window = window
        self.place = PLACE[measure]
        self.sums = Sums()
        self.since = 0
        self._shares: tuple[tuple[int, int], ...] = ()
        self._told = 0

    @property
    def used(self) -> int:
        """What ended calls have used."""
        return self.sums.used

    @property
    def held(self) -> int:
        """What calls in flight hold."""
        return self.sums.taken - self.sums.used

    @property
    def most(self) -> int:
        """What the present limits allow."""
        return self.sums.most

    @property
    def rule(self) -> Rule:
        """The limit that it counts for."""
        return Rule(self.measure, self.window, self.most)

    def add(self, second: int, used: int, taken: int) -> None:
        """Add to the sums of that second, unless its window has passed; what lies ahead is now."""
        if second >= self.since:
            self.sums.used += used
            self.sums.taken += taken

    def hold(self, second: int, amount: int) -> None:
        """Hold an amount of a call that was admitted then, unless its window has passed."""
        self.add(second, 0, amount)

    def count(self, second: int, amount: int) -> None:
        """Count what was used then and never held; what lies ahead counts as of now."""
        self.add(second, amount, amount)

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
        most = self.sums.most
        self._shares = (
            tuple([(each, -(-most * each // 100)) for each in percents]) if 0 < most < NEVER else ()
        )
        self._told = sum(self.sums.used >= amount for _, amount in self._shares)
        self._aim()

    def passed(self, amount: int) -> list[Passed]:
        """Return the shares that this amount reaches and that were not told yet."""
        new = [each for each in self._shares[self._told :] if amount >= each[1]]
        self._told += len(new)
        self._aim()
        return [Passed(self, percent) for percent, _ in new]

    def _aim(self) -> None:
        shares = self._shares
        self.sums.alert_at = shares[self._told][1] if self._told < len(shares) else NEVER


class Monthly(Counter):
    """The calendar month of UTC."""

    __slots__ = ()

    def __init__(self, measure: Measure, second: int) -> None:
        super().__init__(measure, Window.MONTH)
        self.since, self.sums.leaves_at = month_of(second)

    def roll(self, second: int) -> int:
        """Begin a new month when there is one; return when it ends."""
        sums = self.sums
        if second >= sums.leaves_at:
            self.since, sums.leaves_at = month_of(second)
            sums.used = sums.taken = self._told = 0
            self._aim()
        return sums.leaves_at

    def frees_in(self, now: float, excess: int) -> float | None:
        """Return the seconds until so much has left the window."""
        del excess
        return self.sums.leaves_at - now

    def resets_in(self, now: float) -> float | None:
        """Return the seconds until nothing is left in the window."""
        return self.sums.leaves_at - now if self.sums.taken else 0.0

    @property
    def began(self) -> int | None:
        """The first second of the month."""
        return self.since


class Sliding(Counter):
    """The last so many seconds, in steps.

    `steps` are those that have ended: `[used, taken]` by the number of the step, in order. What the
    present step has is the rest of the sums, so that a call of this step changes nothing else.
    """

    __slots__ = ("_ended_used", "_length_s", "_now", "_oldest", "step_s", "steps")

    def __init__(self, measure: Measure, window: Window, second: int) -> None:
        super().__init__(measure, window)
        self.step_s, self._length_s = SLIDING[window]
        self.steps: dict[int, list[int]] = {}
        self._ended_used = 0
        self._begin(second // self.step_s)

    def _begin(self, step: int) -> None:
        self._now = step
        self._oldest = step - self._length_s // self.step_s
        self.since = step * self.step_s
        self.sums.leaves_at = self._leaves_at(step)

    def _leaves_at(self, step: int) -> int:
        return (step + 1) * self.step_s + self._length_s

    def add(self, second: int, used: int, taken: int) -> None:
        """Add to the sums of that second, unless its window has passed; what lies ahead is now."""
        sums = self.sums
        if second < self.since:
            step = second // self.step_s
            if step < self._oldest:
                return
            entry = self.steps.get(step) or self._entry(step)
            entry[0] += used
            entry[1] += taken
            self._ended_used += used
            sums.ended += taken
        sums.used += used
        sums.taken += taken

    def _entry(self, step: int) -> list[int]:
        entry = self.steps[step] = [0, 0]
        if next(reversed(self.steps)) != max(self.steps):
            self.steps = dict(sorted(self.steps.items()))
        return entry

    def roll(self, second: int) -> int:
        """Forget what has left the window; return when there is more to forget."""
        step = second // self.step_s
        if step > self._now:
            self._end_step()
            self._begin(step)
            self._forget()
            shares = self._shares
            used = self.sums.used * 100
            while self._told and used < shares[self._told - 1][1] * REARMED_AT_PERCENT:
                self._told -= 1
                self._aim()
        return (self._now + 1) * self.step_s

    def _end_step(self) -> None:
        sums = self.sums
        used, taken = sums.used - self._ended_used, sums.taken - sums.ended
        if used or taken:
            self.steps[self._now] = [used, taken]
            self._ended_used, sums.ended = sums.used, sums.taken

    def _forget(self) -> None:
        sums, steps = self.sums, self.steps
        for old in list(steps):
            if old >= self._oldest:
                break
            used, taken = steps.pop(old)
            sums.used -= used
            sums.taken -= taken
            sums.ended -= taken
            self._ended_used -= used

    def frees_in(self, now: float, excess: int) -> float | None:
        """Return the seconds until so much has left the window."""
        for step, (_, taken) in self.steps.items():
            excess -= taken
            if excess <= 0:
                return self._leaves_at(step) - now
        sums = self.sums
        return sums.leaves_at - now if excess <= sums.taken - sums.ended else None

    def resets_in(self, now: float) -> float | None:
        """Return the seconds until nothing is left in the window."""
        sums = self.sums
        if sums.taken != sums.ended:  # as after every hold
            return sums.leaves_at - now
        for step, (_, taken) in reversed(self.steps.items()):
            if taken:
                return self._leaves_at(step) - now
        return 0.0


def counter_of(measure: Measure, window: Window, second: int) -> Counter:
    """Return an empty counter."""
    if window is Window.TOTAL:
        return Counter(measure)
    return Monthly(measure, second) if window is Window.MONTH else Sliding(measure, window, second)
