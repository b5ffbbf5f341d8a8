"""Tables: drawn for a terminal, tab-separated lines for a pipe."""

import sys
from collections.abc import Collection, Iterable, Sequence

import typer

COLOURS = {
    "ok": "green",
    "live": "green",
    "added": "green",
    "changed": "yellow",
    "skipped": "yellow",
    "suspended": "yellow",
    "warning": "yellow",
    "to do": "yellow",
    "expired": "yellow",
    "failed": "red",
    "problem": "red",
    "refused": "red",
    "revoked": "red",
}
"""Words that colour their cell; the word alone says it too."""


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str] = ()
) -> None:
    """Print rows under these headers to stdout; those of `numbers` end at the right."""
    if sys.stdout.isatty():
        _draw(headers, rows, numbers)
        return
    for row in (headers, *rows):
        typer.echo("\t".join(row))


def _draw(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in numbers else "left")
    for row in rows:
        table.add_row(*(Text(cell, COLOURS.get(cell.partition(":")[0], "")) for cell in row))
    Console(highlight=False).print(table)
