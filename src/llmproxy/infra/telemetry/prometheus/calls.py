"""What is counted of every call that is settled: a look-up or two, and whole numbers.

Calls are counted many in a row, or when somebody reads: what counts them then stays in the
processor's caches. A call's series are found by what it was (model, deployment, operation, outcome,
error): they are looked for once and kept together in a `_Line`. Labels are made, and the provider
asked for, when a line is new; nothing is formatted before somebody reads the metrics.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.meter import Meter
from llmproxy.domain.usage import TOKEN_COUNTS, Usage
from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.codes import NONE, code_of_attempt, code_of_call
from llmproxy.infra.telemetry.prometheus.families import DURATIONS_S, FIRST_CONTENT_S, OVERHEAD_S
from llmproxy.infra.telemetry.prometheus.family import Family, labelled
from llmproxy.infra.telemetry.prometheus.series import (
    Count,
    Histogram,
    Room,
    Series,
    counter_lines,
    histogram_lines,
    parts_of,
    sample,
)

MAX_KEPT: Final = 20_000
"""Lines that are kept ready; a provider's own error codes are in their keys."""
UNKNOWN: Final = "unknown"
TYPES: Final = tuple([name.removesuffix("_tokens") for name in Usage._fields[:TOKEN_COUNTS]])
"""The types of tokens, in the order of a usage."""
_IMAGES, _CHARACTERS, _AUDIO, _ESTIMATED = range(TOKEN_COUNTS, TOKEN_COUNTS + 4)
_OUTPUT: Final = Usage._fields.index("output_tokens")
_ALWAYS: Final = frozenset((0, _OUTPUT))
"""Types whose series are there from the first call on, at 0."""
NANO_DIGITS: Final = 9
_COUNTS: Final = (
    (families.IMAGES, _IMAGES, 0),
    (families.CHARACTERS, _CHARACTERS, 0),
    (families.AUDIO, _AUDIO, 3),
    (families.ESTIMATED, _ESTIMATED, 0),
)
"""Where a usage has each, and how many of its digits stand behind the point."""
TOGETHER: Final = 64
"""So many calls wait to be counted at most."""
_BUCKETS: Final = 3
"""Lines of a histogram beside those of its bounds: +Inf, sum, count."""
_Key = tuple[str, str | None, str, Outcome, str | None, str, bool]


@dataclass(slots=True)
class _Line:
    """The series of one kind of call. `first` is of calls that had a first content."""

    requests: Count
    duration: Histogram
    first: Histogram
    overhead: Histogram
    used: list[int]
    cost: Count


class _Tried(NamedTuple):
    """The series of one kind of attempt."""

    times: Count
    duration: Histogram


class Gone(NamedTuple):
    """Whether a model (by its code) or a deployment (by its id) is no longer registered."""

    model: Callable[[str], bool]
    deployment: Callable[[str], bool]


class CallMeter(Meter):
    """`provider_of` tells the provider of a deployment that is registered, else None."""

    def __init__(self, provider_of: Callable[[str], str | None], room: Room | None = None) -> None:
        self._provider_of = provider_of
        self.room = Room() if room is None else room
        self.overflowed = 0
        self._settled: list[Closed] = []
        self._lines: dict[_Key, _Line] = {}
        self._tries: dict[tuple[str, str | None, int | None], _Tried] = {}
        self._requests = self._counters(families.REQUESTS)
        self._attempts = self._counters(families.ATTEMPTS)
        self._costs = self._counters(families.COST)
        self._durations = self._histograms(families.DURATION, DURATIONS_S)
        self._firsts = self._histograms(families.FIRST_CONTENT, FIRST_CONTENT_S)
        self._overheads = self._histograms(families.OVERHEAD, OVERHEAD_S)
        self._upstream = self._histograms(families.UPSTREAM, DURATIONS_S)
        self._used = Series(
            Family("usage", families.TOKENS.kind, "", ("model", "provider")),
            self.room,
            lambda: [0] * len(Usage._fields),
            len(_ALWAYS) + 2,
        )
        self.limited: dict[tuple[str, str], int] = {}

    def _counters(self, family: Family) -> Series[Count]:
        return Series(family, self.room, Count, 1)

    def _histograms(self, family: Family, bounds: tuple[float, ...]) -> Series[Histogram]:
        size = len(bounds)
        return Series(family, self.room, lambda: Histogram(size), size + _BUCKETS)

    @override
    def settled(self, entry: Closed) -> None:
        settled = self._settled
        settled.append(entry)
        if len(settled) >= TOGETHER:
            self.fold()

    def fold(self) -> None:
        """Count the calls that wait for it."""
        settled, self._settled = self._settled, []
        for entry in settled:
            self._count(entry)

    def _count(self, entry: Closed) -> None:
        first_s = entry.first_content_s
        key = (
            entry.model,
            entry.deployment,
            entry.operation,
            entry.outcome,
            entry.error,
            entry.currency,
            first_s is None,
        )
        line = self._lines.get(key)
        if line is None:
            line = self._line_of(key, entry)
        line.requests.n += 1
        duration_s = entry.duration_s
        series = line.duration
        series.counts[bisect_left(DURATIONS_S, duration_s)] += 1
        series.total += duration_s
        overhead_s = entry.overhead_s
        series = line.overhead
        series.counts[bisect_left(OVERHEAD_S, overhead_s)] += 1
        series.total += overhead_s
        if first_s is not None:
            series = line.first
            series.counts[bisect_left(FIRST_CONTENT_S, first_s)] += 1
            series.total += first_s
        line.cost.n += entry.cost_nano
        usage, used = entry.usage, line.used
        used[0] += usage[0]
        used[_OUTPUT] += usage[_OUTPUT]
        if sum(usage) != usage[0] + usage[_OUTPUT]:
            _add_rest(used, usage)
        for attempt in entry.attempts:
            self._tried(attempt)

    def _tried(self, attempt: Attempt) -> None:
        key = (attempt.deployment, attempt.error, attempt.status)
        tried = self._tries.get(key)
        if tried is None:
            tried = self._try_of(key)
        tried.times.n += 1
        duration_s = attempt.duration_s
        series = tried.duration
        series.counts[bisect_left(DURATIONS_S, duration_s)] += 1
        series.total += duration_s

    @override
    def refused(self, scope: str, limit: str) -> None:
        key = (scope, limit)
        self.limited[key] = self.limited.get(key, 0) + 1

    def follow(self, gone: Gone) -> None:
        """Ask again for the provider of every deployment: the registry's models are others.

        When half of the room is taken, the series of models and deployments that are gone are let
        go, and their room with them.
        """
        self._lines.clear()
        self._tries.clear()
        if self.room.taken * 2 < self.room.most:
            return
        for of_model in (self._requests, self._durations, self._firsts, self._used, self._costs):
            of_model.forget(lambda values: gone.model(values[0]))
        for of_deployment in (self._attempts, self._upstream):
            of_deployment.forget(lambda values: gone.deployment(values[0]))

    def _line_of(self, key: _Key, entry: Closed) -> _Line:
        model, operation = entry.model, entry.operation
        provider = self._provider(entry.deployment)
        code = code_of_call(entry.error, entry.outcome)
        requests, of_requests = self._requests.of(
            model, provider, operation, entry.outcome.value, code
        )
        duration, of_duration = self._durations.of(model, provider, operation)
        first, of_first = duration, True
        if entry.first_content_s is not None:
            first, of_first = self._firsts.of(model, provider, operation)
        overhead, of_overhead = self._overheads.of(operation)
        used, of_used = self._used.of(model, provider)
        cost, of_cost = self._costs.of(model, provider, entry.currency or NONE)
        line = _Line(requests, duration, first, overhead, used, cost)
        if of_requests and of_duration and of_first and of_overhead and of_used and of_cost:
            _keep(self._lines, key, line)
        else:
            self.overflowed += 1
        return line

    def _try_of(self, key: tuple[str, str | None, int | None]) -> _Tried:
        deployment, error, status = key
        provider = self._provider(deployment)
        code = code_of_attempt(error, status)
        count, of_count = self._attempts.of(deployment, provider, code)
        duration, of_duration = self._upstream.of(deployment, provider)
        tried = _Tried(count, duration)
        if of_count and of_duration:
            _keep(self._tries, key, tried)
        else:
            self.overflowed += 1
        return tried

    def _provider(self, deployment: str | None) -> str:
        return NONE if deployment is None else self._provider_of(deployment) or UNKNOWN

    def blocks(self, worker: str) -> Iterator[tuple[Family, Iterator[str]]]:
        """Yield every family with its samples, which are read while they are asked for."""
        self.fold()
        for counted in (self._requests, self._attempts):
            yield counted.family, counter_lines(counted.family, worker, counted)
        for timed, bounds in (
            (self._durations, DURATIONS_S),
            (self._firsts, FIRST_CONTENT_S),
            (self._overheads, OVERHEAD_S),
            (self._upstream, DURATIONS_S),
        ):
            yield timed.family, _histograms(timed, bounds, worker)
        yield families.TOKENS, self._tokens(worker)
        for family, place, digits in _COUNTS:
            yield family, self._counts(family.name, worker, place, digits)
        yield families.COST, self._money(worker)
        overflowed, lines = families.OVERFLOWED, families.LINES
        yield overflowed, iter((sample(overflowed.name, worker, "", str(self.overflowed)),))
        yield lines, iter((sample(lines.name, worker, "", str(self.room.taken)),))
        yield families.LIMITED, self._limits(worker)

    def _tokens(self, worker: str) -> Iterator[str]:
        name = families.TOKENS.name
        for labels, used in self._used.every():
            for place, kind in enumerate(TYPES):
                if used[place] or place in _ALWAYS:
                    yield sample(name, worker, f'{labels},type="{kind}"', str(used[place]))

    def _counts(self, name: str, worker: str, place: int, digits: int) -> Iterator[str]:
        for labels, used in self._used.every():
            if used[place]:
                yield sample(name, worker, labels, parts_of(used[place], digits))

    def _money(self, worker: str) -> Iterator[str]:
        for labels, cost in self._costs.every():
            yield sample(families.COST.name, worker, labels, parts_of(cost.n, NANO_DIGITS))

    def _limits(self, worker: str) -> Iterator[str]:
        family = families.LIMITED
        for key, count in sorted(self.limited.items()):
            yield sample(family.name, worker, labelled(family.labels, key), str(count))


def _histograms(series: Series[Histogram], bounds: tuple[float, ...], worker: str) -> Iterator[str]:
    for labels, kept in series.every():
        yield from histogram_lines(series.family.name, worker, bounds, labels, kept)


def _add_rest(used: list[int], usage: Usage) -> None:
    """Add what is neither plain input nor plain output."""
    for place, count in enumerate(usage):
        if count and place not in _ALWAYS:
            used[place] += count


Key = TypeVar("Key")
Value = TypeVar("Value")


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep it at hand; all others are let go when they are too many."""
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value
