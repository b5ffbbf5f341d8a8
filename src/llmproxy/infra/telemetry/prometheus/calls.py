"""What is counted of every call that is settled.

Calls are counted many in a row, or when somebody reads: what counts them then stays in the
processor's caches, and sums are made by the interpreter's own loops. A call's series are found by
what it was (model, deployment, operation, outcome, error): they are looked for once and kept
together in a `_Line`. Labels are made, and the provider asked for, when a line is new; nothing is
formatted before somebody reads the metrics.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
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
Key = TypeVar("Key")
Value = TypeVar("Value")
Item = TypeVar("Item")
_BUCKETS: Final = 3
"""Lines of a histogram beside those of its bounds: +Inf, sum, count."""
_Kind = tuple[str, str | None, str, Outcome, str | None, str]
_KIND: Final[Callable[[Closed], _Kind]] = attrgetter(
    "model", "deployment", "operation", "outcome", "error", "currency"
)
_Try = tuple[str, str | None, int | None]
_TRIED: Final[Callable[[Attempt], _Try]] = attrgetter("deployment", "error", "status")
_DURATION_S: Final[Callable[[Closed | Attempt], float]] = attrgetter("duration_s")
_OVERHEAD_S: Final[Callable[[Closed], float]] = attrgetter("overhead_s")
_FIRST_S: Final[Callable[[Closed], float | None]] = attrgetter("first_content_s")
_COST_NANO: Final[Callable[[Closed], int]] = attrgetter("cost_nano")
_USAGE: Final[Callable[[Closed], Usage]] = attrgetter("usage")


class _Line(NamedTuple):
    """The series of one kind of call; `own` is whether no other shares them."""

    own: bool
    provider: str
    requests: Count
    duration: Histogram
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
        self._lines: dict[_Kind, _Line] = {}
        self._tries: dict[_Try, _Tried] = {}
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
        """Count the calls that wait for it, those that are alike together."""
        settled, self._settled = self._settled, []
        for kind, entries in _alike(settled, _KIND).items():
            self._count(kind, entries)
        attempts = [attempt for entry in settled for attempt in entry.attempts]
        for tried, alike in _alike(attempts, _TRIED).items():
            self._tried(tried, alike)

    def _count(self, kind: _Kind, entries: Sequence[Closed]) -> None:
        line = self._lines.get(kind)
        if line is None:
            line = self._line_of(kind, len(entries))
        line.requests.n += len(entries)
        line.duration.add(DURATIONS_S, list(map(_DURATION_S, entries)))
        line.overhead.add(OVERHEAD_S, list(map(_OVERHEAD_S, entries)))
        line.cost.n += sum(map(_COST_NANO, entries))
        used = line.used
        for place, count in enumerate(map(sum, zip(*map(_USAGE, entries), strict=True))):
            used[place] += count
        firsts = [first_s for first_s in map(_FIRST_S, entries) if first_s is not None]
        if firsts:
            first, own = self._firsts.of(kind[0], line.provider, kind[2])
            first.add(FIRST_CONTENT_S, firsts)
            if line.own and not own:
                self.overflowed += len(firsts)

    def _tried(self, kind: _Try, attempts: Sequence[Attempt]) -> None:
        tried = self._tries.get(kind)
        if tried is None:
            tried = self._try_of(kind, len(attempts))
        tried.times.n += len(attempts)
        tried.duration.add(DURATIONS_S, list(map(_DURATION_S, attempts)))

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

    def _line_of(self, kind: _Kind, calls: int) -> _Line:
        model, deployment, operation, outcome, error, currency = kind
        provider = self._provider(deployment)
        code = code_of_call(error, outcome)
        requests, of_requests = self._requests.of(model, provider, operation, outcome.value, code)
        duration, of_duration = self._durations.of(model, provider, operation)
        overhead, of_overhead = self._overheads.of(operation)
        used, of_used = self._used.of(model, provider)
        cost, of_cost = self._costs.of(model, provider, currency or NONE)
        own = of_requests and of_duration and of_overhead and of_used and of_cost
        line = _Line(own, provider, requests, duration, overhead, used, cost)
        if own:
            _keep(self._lines, kind, line)
        else:
            self.overflowed += calls
        return line

    def _try_of(self, kind: _Try, tries: int) -> _Tried:
        deployment, error, status = kind
        provider = self._provider(deployment)
        code = code_of_attempt(error, status)
        count, of_count = self._attempts.of(deployment, provider, code)
        duration, of_duration = self._upstream.of(deployment, provider)
        tried = _Tried(count, duration)
        if of_count and of_duration:
            _keep(self._tries, kind, tried)
        else:
            self.overflowed += tries
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


def _alike(items: Sequence[Item], kind_of: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items by their kinds."""
    found: dict[Key, list[Item]] = {}
    for kind, run in groupby(items, kind_of):
        found.setdefault(kind, []).extend(run)
    return found


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep it at hand; all others are let go when they are too many."""
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value
