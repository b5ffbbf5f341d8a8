"""The tables of a large registry beside a small one."""

from collections.abc import Iterator

from bench.report import Run, cell, table
from bench.report_ways import SPEED_HEAD, speed
from bench.samples import LARGE, PLAIN, SINGLE, SMALL, STREAM, UNARY, WIDE, Held, Scale, spread

_WAYS = {UNARY: "a request, c=64", SINGLE: "a request, c=1", STREAM: "a stream, saturated, c=64"}


def tables(run: Run, scale: Scale) -> list[str]:
    """Write what a registry costs a request, a start and the event loop."""
    head = ("registry", "what", "CPU µs each", *SPEED_HEAD)
    titles = {each.name: _title(each) for each in scale.registries}
    titles[WIDE] = f"{titles[LARGE]}, asked all over"
    lines = ["## A large registry beside a small one", "", *table(head, _rows(run, titles))]
    lines += table(
        ("registry", "start to first 200, s", "starts", "RSS idle MB", "RSS at most MB"),
        (
            (
                titles[each.name],
                cell(spread(each.starts_s)),
                str(len(each.starts_s)),
                f"{each.idle_bytes / 1e6:.0f}",
                f"{each.peak_bytes / 1e6:.0f}",
            )
            for each in scale.registries
        ),
    )
    lines += ["### The event loop while the large one changes", ""]
    columns = (
        cell(spread(each.model_ms for each in scale.changes)),
        cell(spread(each.key_ms for each in scale.changes)),
        cell(spread(each.idle_ms for each in scale.changes)),
        str(len(scale.changes)),
    )
    watched = ("longest stand ms, a model", "a key made or revoked", "the same when idle", "times")
    return [*lines, *table(watched, [columns])]


def _title(held: Held) -> str:
    return f"{held.models:,} models, {held.keys:,} keys"


def _rows(run: Run, titles: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for kind, what in _WAYS.items():
        for name in (SMALL, LARGE, WIDE):
            if not run.results.of(name, PLAIN, kind):
                continue
            yield (
                titles[name],
                what,
                cell(run.results.value(name, PLAIN, kind, lambda sample: sample.cpu_us_each)),
                *speed(run, name, kind),
            )
