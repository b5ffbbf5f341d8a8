"""The rows of ours in several ways, at the concurrencies of wrk: what their tables have alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bench.report import Run, cell, percent
from bench.samples import PLAIN, SINGLE, UNARY

SPEED_HEAD = ("each/s", "core busy", "p50 ms", "p99 ms")
"""Over the cells of `speed`."""
CONNECTIONS = {UNARY: "64", SINGLE: "1"}


def ways(
    run: Run, titles: Mapping[str, str], figures: Callable[[Run, str, str], Iterable[str]]
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each way that was measured: its title, its concurrency, its figures."""
    for kind, connections in CONNECTIONS.items():
        for name, title in titles.items():
            if run.results.of(name, PLAIN, kind):
                yield (title, connections, *figures(run, name, kind))


def speed(run: Run, name: str, kind: str) -> Iterator[str]:
    """Yield the cells below `SPEED_HEAD`."""
    yield cell(run.results.value(name, PLAIN, kind, lambda sample: sample.per_second))
    busy = run.results.value(name, PLAIN, kind, lambda sample: sample.busy)
    yield "-" if busy is None else percent(busy.median)
    yield cell(run.results.value(name, PLAIN, kind, lambda sample: sample.p50_us / 1e3))
    yield cell(run.results.value(name, PLAIN, kind, lambda sample: sample.p99_us / 1e3))
