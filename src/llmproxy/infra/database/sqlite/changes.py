"""The log of changes: ids of rows that somebody added, changed or deleted, in order.

Triggers write it (see `migrations`). It is cut by whoever writes, so that it stays small.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

KEPT: Final = 10_000
"""Entries that stay; who has not looked since the first of them must read everything again."""

_CUT: Final = "DELETE FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ?"
_LAST: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'"
_FIRST: Final = "SELECT min(seq) FROM changes"
_SINCE: Final = """
    SELECT id FROM changes WHERE kind = ? AND seq > ? AND seq <= ? GROUP BY id ORDER BY max(seq)
"""


def cut(connection: sqlite3.Connection, kept: int = KEPT) -> None:
    """Forget all but the last entries; part of every writing transaction of ours."""
    connection.execute(_CUT, (kept,))


def last(connection: sqlite3.Connection) -> int:
    """Return the number of the newest entry that there has ever been; 0 before the first."""
    row = connection.execute(_LAST).fetchone()
    return 0 if row is None else int(row[0])


def ids_between(
    connection: sqlite3.Connection, kind: str, after: int, end: int
) -> Sequence[str] | None:
    """Return ids that changed after one entry and up to another, each once, newest last.

    None when the log does not reach back so far, or is another one: somebody put a copy of the file
    in its place that is older.
    """
    first = connection.execute(_FIRST).fetchone()[0]
    if end < after or (end > after and (first is None or first > after + 1)):
        return None
    return [str(row[0]) for row in connection.execute(_SINCE, (kind, after, end))]
