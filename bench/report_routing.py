"""The tables of routing over eight deployments beside one."""

from collections.abc import Callable, Iterator

from bench.report import Run, cell, percent, table
from bench.samples import (
    ALONE,
    BESIDE_DOWN,
    DOWN,
    LATENCY,
    ONCE_MORE,
    OUTSTANDING,
    PLAIN,
    SINGLE,
    UNARY,
    WEIGHTED,
    Sample,
    Shares,
    more_us,
)

_TITLES = {
    ALONE: "one deployment",
    ONCE_MORE: "one deployment, once more",
    WEIGHTED: "eight, weighted",
    OUTSTANDING: "eight, least_outstanding",
    LATENCY: "eight, lowest_latency",
    BESIDE_DOWN: "one deployment, while one of another model is down",
    DOWN: "eight, weighted, one of them down",
}
_BESIDE = {
    ONCE_MORE: ALONE,
    WEIGHTED: ALONE,
    OUTSTANDING: ALONE,
    LATENCY: ALONE,
    DOWN: BESIDE_DOWN,
}
"""Who is measured beside whom."""
_CONNECTIONS = {UNARY: "64", SINGLE: "1"}
_HEAD = (
    *("model", "c", "CPU µs each", "more than with one µs"),
    *("each/s", "core busy", "p50 ms", "p99 ms"),
)


def tables(run: Run) -> list[str]:
    """Write what a request costs in each way, and how the calls were spread."""
    rows = list(_rows(run))
    if not rows:
        return []
    lines = ["## Routing over eight deployments", "", *table(_HEAD, rows)]
    eights = [shares for shares in run.shares if len(shares.weights) > 1]
    return lines + table(("model", "weights", "% of the calls"), map(_spread, eights))


def _spread(shares: Shares) -> tuple[str, ...]:
    total = sum(shares.answers)
    found = [f"{100 * count / total:.1f}" for count in shares.answers]
    return (_TITLES[shares.name], ", ".join(map(str, shares.weights)), ", ".join(found))


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    for kind, connections in _CONNECTIONS.items():
        for name, title in _TITLES.items():
            if run.results.of(name, PLAIN, kind):
                yield (title, connections, *_figures(run, name, kind))


def _figures(run: Run, name: str, kind: str) -> Iterator[str]:
    def value(measure: Callable[[Sample], float]) -> str:
        return cell(run.results.value(name, PLAIN, kind, measure))

    beside = _BESIDE.get(name)
    yield value(lambda sample: sample.cpu_us_each)
    yield cell(run.results.paired((name, beside), PLAIN, kind, more_us)) if beside else "-"
    yield value(lambda sample: sample.per_second)
    busy = run.results.value(name, PLAIN, kind, lambda sample: sample.busy)
    yield "-" if busy is None else percent(busy.median)
    yield value(lambda sample: sample.p50_us / 1e3)
    yield value(lambda sample: sample.p99_us / 1e3)
