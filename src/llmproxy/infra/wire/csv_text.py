"""Lines of CSV (RFC 4180): commas, CRLF, quotes where they are needed, UTF-8.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula and runs it, some do
so behind blanks, a tab or a line's end too (owasp.org, "CSV Injection", which also names the
full-width forms of these signs). Names of projects, models and tags are written by callers, so such
a text gets an apostrophe before it, which spreadsheets take for "this is text". A text that begins
with an apostrophe gets another: who drops one apostrophe at the beginning of a cell has the very
text back. Numbers are the gateway's own and stay as they are.
"""

import csv
import json
from collections.abc import Iterable
from io import StringIO
from typing import Final

TEXT: Final = "'"
RISKY: Final = (*"=+-@\0\t\r\n'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_line(cells: Iterable[object]) -> str:
    """Return one line, its end included. None is an empty cell; lists and objects are JSON."""
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(each) for each in cells])
    return line.getvalue()


def text_of(cell: str) -> str:
    """Return the text that a cell of ours stands for."""
    return cell.removeprefix(TEXT)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    return f"{TEXT}{text}" if text[:1] in RISKY or text.lstrip()[:1] in RISKY else text
