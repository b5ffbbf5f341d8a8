"""The table of limits, ledger and cache."""

from collections.abc import Callable, Iterator

from bench.priced import Earlier, Free, Limited, Shared
from bench.report import Run, cell, table
from bench.report_ways import SPEED_HEAD, speed, ways
from bench.samples import AGAIN, PLAIN, SHARED_AGAIN, Sample, cpu_ratio, more_us

_TITLES = {
    Earlier.name: Earlier.title,
    Free.name: Free.title,
    Limited.name: f"{Limited.title}, a miss",
    AGAIN: f"{Limited.title}, a hit",
    Shared.name: f"{Shared.title}, a miss",
    SHARED_AGAIN: f"{Shared.title}, a hit",
}
_HEAD = (
    *("gateway", "c", "CPU µs each", "of it threads", "more than without µs", "to without"),
    "Redis' own CPU µs",
    *SPEED_HEAD,
)


def tables(run: Run) -> list[str]:
    """Write what a request costs in each way, beside the one without limits and cache."""
    return ["## Limits, ledger and cache", "", *table(_HEAD, ways(run, _TITLES, _figures))]


def _figures(run: Run, name: str, kind: str) -> Iterator[str]:
    def value(measure: Callable[[Sample], float]) -> str:
        return cell(run.results.value(name, PLAIN, kind, measure))

    def beside(combine: Callable[[Sample, Sample], float]) -> str:
        if name == Free.name:
            return "-"
        return cell(run.results.paired((name, Free.name), PLAIN, kind, combine))

    yield value(lambda sample: sample.cpu_us_each)
    yield value(lambda sample: sample.threads_us_each)
    yield beside(more_us)
    yield beside(cpu_ratio)
    yield (
        value(lambda sample: sample.beside_us_each) if name in {Shared.name, SHARED_AGAIN} else "-"
    )
    yield from speed(run, name, kind)
