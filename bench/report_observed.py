"""The tables of what watching costs, and of what the gateways have told meanwhile."""

from collections.abc import Callable, Iterator

from bench.observed import RATIOS, Observed, Unobserved, traced_title
from bench.observed_figures import SPANS_EACH, Told
from bench.report import Run, cell, table
from bench.report_ways import CONNECTIONS, SPEED_HEAD, speed, ways
from bench.samples import (
    OBSERVED,
    OBSERVED_TWIN,
    PLAIN,
    TRACED_ALL,
    TRACED_SOME,
    UNOBSERVED,
    Sample,
    more_us,
)

_TITLES = {
    UNOBSERVED: Unobserved.title,
    OBSERVED: Observed.title,
    OBSERVED_TWIN: f"{Observed.title}, another process",
    **{name: traced_title(ratio) for name, ratio in RATIOS.items()},
}
_BESIDE = {
    OBSERVED: UNOBSERVED,
    OBSERVED_TWIN: OBSERVED,
    TRACED_SOME: OBSERVED,
    TRACED_ALL: OBSERVED,
}
"""Who is measured beside whom."""
_HEAD = (
    *("gateway", "c", "CPU µs each", "of it threads", "more µs", "than"),
    *SPEED_HEAD,
)
_TOLD_HEAD = (
    *("gateway", "c", "answers", "requests counted", "lines", "requests traced"),
    *("spans sent", "spans dropped", "requests not looked at", "messages", "bytes a span"),
)


def tables(run: Run) -> list[str]:
    """Write what a request costs in each way, and what each has told."""
    rows = list(ways(run, _TITLES, _figures))
    if not rows:
        return []
    lines = ["## Metrics, log and traces", "", *table(_HEAD, rows)]
    return lines + table(_TOLD_HEAD, _told_rows(run))


def _figures(run: Run, name: str, kind: str) -> Iterator[str]:
    def value(measure: Callable[[Sample], float]) -> str:
        return cell(run.results.value(name, PLAIN, kind, measure))

    beside = _BESIDE.get(name)
    yield value(lambda sample: sample.cpu_us_each)
    yield value(lambda sample: sample.threads_us_each)
    yield cell(run.results.paired((name, beside), PLAIN, kind, more_us)) if beside else "-"
    yield _TITLES[beside] if beside else "-"
    yield from speed(run, name, kind)


def _told_rows(run: Run) -> Iterator[tuple[str, ...]]:
    for kind, connections in CONNECTIONS.items():
        for name, title in _TITLES.items():
            told = run.told.get(name, {}).get(kind)
            if told is not None:
                yield (title, connections, *_counts(told))


def _counts(told: Told) -> Iterator[str]:
    counts = (told.answers, told.requests, told.lines)
    yield from (f"{count:,}" for count in counts)
    if not told.made:
        yield from "-" * 6
        return
    looked_at = told.requests - told.unseen
    yield f"{told.made / SPANS_EACH / looked_at:.1%}" if looked_at else "-"
    yield f"{told.sent:,}"
    yield f"{told.dropped:,} ({told.dropped / told.made:.1%})"
    yield f"{told.unseen:,}"
    yield f"{told.messages:,}"
    yield f"{told.message_bytes / told.spans:,.0f}" if told.spans else "-"
