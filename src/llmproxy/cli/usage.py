"""`llmproxy usage`: what calls used and cost."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final, NamedTuple

import typer

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, RowPage, Sum
from llmproxy.application.interfaces.usage_reading import Report, UsageReading
from llmproxy.bootstrap.administering import Office
from llmproxy.cli.running import DataDir, Url, administer, say, stop
from llmproxy.cli.tables import print_table
from llmproxy.domain.limit import month_of
from llmproxy.infra.wire.csv_text import csv_line
from llmproxy.infra.wire.usage_asked import DIMENSIONS, dimensions_of, moment_of
from llmproxy.infra.wire.usage_words import (
    CALL_COLUMNS,
    SUM_WORDS,
    call_cells,
    call_words,
    instant,
    money,
    sum_words,
)

FORMATS: Final = ("table", "csv", "jsonl")
IN_A_TABLE: Final = 100
AT_ONCE: Final = 1000
BY: Final[tuple[Dimension, ...]] = ("project", "model")
COUNTED: Final = ("requests", "failed", "cached", "estimated", "input", "output", "cost")
CALL_HEADERS: Final = (
    *("at", "request", "key", "project", "model", "operation", "outcome", "status"),
    *("input", "output", "cost", "seconds", "tags"),
)
NUMBERS: Final = frozenset({*COUNTED, "status", "seconds"})
WHEN: Final = "A day (UTC) such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z."

Names = list[str] | None
Several = "May be given several times."


class Asked(NamedTuple):
    """What is to be shown, and how."""

    wanted: Filter
    by: tuple[Dimension, ...]
    form: str
    limit: int | None
    newest: bool
    """Whether single calls begin with the newest."""


def usage(  # noqa: PLR0913, PLR0917 - an argument for each option
    by: Annotated[
        Names,
        typer.Option(metavar="NAME", help=f"Group by {', '.join(DIMENSIONS)}; project and model."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help=f"{WHEN} The first of this month.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Up to but without this time. Now.")
    ] = None,
    project: Annotated[Names, typer.Option(metavar="NAME", help=Several)] = None,
    model: Annotated[Names, typer.Option(metavar="CODE", help=Several)] = None,
    key: Annotated[Names, typer.Option(metavar="ID", help=Several)] = None,
    tag: Annotated[Names, typer.Option(metavar="TAG", help=f"Any of them. {Several}")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or jsonl.")] = "table",
    calls: Annotated[bool, typer.Option("--calls", help="Single calls, not sums.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="So many calls at most; 100 in a table, else all."),
    ] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="The newest call first, not the oldest.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Show what calls used and cost, summed up or one by one."""
    if form not in FORMATS:
        stop(f"--format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}", code=2)
    if calls and by:
        stop("give --by or --calls, not both", code=2)
    if (limit is not None or newest) and not calls:
        stop("--limit and --newest are for --calls", code=2)
    groups = _groups(by)
    times = _moment("--since", since), _moment("--until", until)
    chosen = [frozenset(each or ()) for each in (project, key, model, tag)]

    async def work(office: Office) -> None:
        begin = float(month_of(office.clock.now())[0]) if times[0] is None else times[0]
        if times[1] is not None and times[1] <= begin:
            stop(f"--until must be behind {instant(begin, 'auto')}", code=2)
        asked = Asked(Filter(begin, times[1], *chosen), groups, form, limit, newest)
        if calls:
            await _show_calls(office.usage, asked)
        else:
            _show_sums(await office.usage.report(asked.wanted, groups), asked)

    administer(data_dir, url, work)


def _groups(written: Names) -> tuple[Dimension, ...]:
    try:
        return dimensions_of(written) if written else BY
    except ValueError as error:
        stop(f"--by: {error}", code=2)


def _moment(option: str, written: str | None) -> float | None:
    try:
        return None if written is None else moment_of(written)
    except ValueError as error:
        stop(f"{option}: {error}", code=2)


def _show_sums(report: Report, asked: Asked) -> None:
    by = asked.by
    if asked.form == "jsonl":
        for each in report.groups:
            _say_json(sum_words(each, by))
        return
    if asked.form == "csv":
        columns = (*by, *SUM_WORDS)
        typer.echo(csv_line(columns), nl=False)
        for each in report.groups:
            words = sum_words(each, by)
            typer.echo(csv_line([words[name] for name in columns]), nl=False)
        return
    rows = [(*(name or "-" for name in each.group), *_counted(each)) for each in report.groups]
    blank = [""] * (len(by) - 1)
    totals = [("total", *blank, *_counted(each)) for each in report.totals]
    print_table((*by, *COUNTED), [*rows, *totals], numbers=NUMBERS)
    if not rows:
        say(f"no calls since {instant(asked.wanted.since or 0.0, 'auto')}")
    elif "tag" in by:
        say("a call stands under each of its tags, and once in the total")


def _counted(found: Sum) -> tuple[str, ...]:
    return (
        str(found.requests),
        str(found.failed),
        str(found.cached),
        str(found.estimated),
        str(found.input_tokens),
        str(found.output_tokens),
        f"{money(found.cost_nano)} {found.currency}",
    )


async def _show_calls(reading: UsageReading, asked: Asked) -> None:
    if asked.form == "table":
        await _show_table(reading, asked)
        return
    if asked.form == "csv":
        typer.echo(csv_line(CALL_COLUMNS), nl=False)
    async for page in _pages(reading, asked, asked.limit):
        for row in page.rows:
            words = call_words(row)
            if asked.form == "csv":
                typer.echo(csv_line(call_cells(words)), nl=False)
            else:
                _say_json(words)


async def _show_table(reading: UsageReading, asked: Asked) -> None:
    rows: list[Closed] = []
    following = None
    async for page in _pages(reading, asked, asked.limit or IN_A_TABLE):
        rows += page.rows
        following = page.next
    print_table(CALL_HEADERS, [_cells(each) for each in rows], numbers=NUMBERS)
    if following is not None:
        end, other = ("newest", "") if asked.newest else ("oldest", ", --newest the newest")
        say(f"these are the {end} {len(rows)}; --limit shows more{other}, --format csv shows all")


async def _pages(reading: UsageReading, asked: Asked, most: int | None) -> AsyncIterator[RowPage]:
    """Yield pages of calls until there are no more, or `most` were yielded."""
    after, left = None, most
    while True:
        most_now = AT_ONCE if left is None else min(left, AT_ONCE)
        page = await reading.calls(asked.wanted, after, most_now, newest_first=asked.newest)
        yield page
        after = page.next
        left = None if left is None else left - len(page.rows)
        if after is None or left == 0:
            return


def _cells(row: Closed) -> Sequence[str]:
    return (
        instant(row.at, "seconds"),
        row.request_id,
        row.key_id,
        row.project or "-",
        row.model,
        row.operation,
        str(row.outcome),
        "-" if row.status is None else str(row.status),
        str(row.usage.total_input_tokens),
        str(row.usage.total_output_tokens),
        f"{money(row.cost_nano)} {row.currency}",
        f"{row.duration_s:.3f}",
        ", ".join(row.tags) or "-",
    )


def _say_json(words: dict[str, object]) -> None:
    typer.echo(json.dumps(words, ensure_ascii=False, separators=(",", ":")))
