"""Tables: drawn for a terminal, tab-separated lines for a pipe."""

import sys
from collections.abc import Iterable, Sequence

import typer

COLOURS = {
    "ok": "green",
    "live": "green",
    "added": "green",
    "changed": "yellow",
    "skipped": "yellow",
    "suspended": "yellow",
    "to do": "yellow",
    "expired": "yellow",
    "failed": "red",
    "refused": "red",
    "revoked": "red",
}
"""Words that colour their cell; the word alone says it too."""


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under these headers to stdout."""
    if sys.stdout.isatty():
        _draw(headers, rows)
        return
    for row in (headers, *rows):
        typer.echo("\t".join(row))


def _draw(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell, COLOURS.get(cell.partition(":")[0], "")) for cell in row))
    Console(highlight=False).print(table)
