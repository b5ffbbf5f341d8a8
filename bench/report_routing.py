"""The tables of routing over eight deployments beside one."""

from collections.abc import Callable, Iterator

from bench.report import Run, cell, table
from bench.report_ways import SPEED_HEAD, speed, ways
from bench.samples import (
    ALONE,
    BESIDE_DOWN,
    DOWN,
    LATENCY,
    ONCE_MORE,
    OUTSTANDING,
    PLAIN,
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
_HEAD = (
    *("model", "c", "CPU µs each", "more than with one µs"),
    *SPEED_HEAD,
)


def tables(run: Run) -> list[str]:
    """Write what a request costs in each way, and how the calls were spread."""
    rows = list(ways(run, _TITLES, _figures))
    if not rows:
        return []
    lines = ["## Routing over eight deployments", "", *table(_HEAD, rows)]
    eights = [shares for shares in run.shares if len(shares.weights) > 1]
    return lines + table(("model", "weights", "% of the calls"), map(_spread, eights))


def _spread(shares: Shares) -> tuple[str, ...]:
    total = sum(shares.answers)
    found = [f"{100 * count / total:.1f}" for count in shares.answers]
    return (_TITLES[shares.name], ", ".join(map(str, shares.weights)), ", ".join(found))


def _figures(run: Run, name: str, kind: str) -> Iterator[str]:
    def value(measure: Callable[[Sample], float]) -> str:
        return cell(run.results.value(name, PLAIN, kind, measure))

    beside = _BESIDE.get(name)
    yield value(lambda sample: sample.cpu_us_each)
    yield cell(run.results.paired((name, beside), PLAIN, kind, more_us)) if beside else "-"
    yield from speed(run, name, kind)
