"""A look at the SQLite file that changes nothing of it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from llmproxy.infra.database.sqlite.migrations import APPLICATION_ID, MIGRATIONS

BUSY_TIMEOUT_S: Final = 2.0
MOST_FAULTS: Final = 3


class Inspection(NamedTuple):
    """What a file is. `faults` are what SQLite's own check says of it, none when it is sound.

    Of a file that was looked at only at its head no faults are known.
    """

    ours: bool
    version: int
    newest: int
    faults: tuple[str, ...]


def inspect(path: Path, *, every_page: bool = True) -> Inspection:
    """Look at a file that is there; waits for the disk. Raises sqlite3.Error.

    `quick_check` reads every page, which of a large file takes long, but does not compare indexes
    with their tables (sqlite.org/pragma.html#pragma_quick_check). Without `every_page` it is left
    out, and only the file's head is read.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        version = _number(connection, "user_version")
        ours = _number(connection, "application_id") == APPLICATION_ID
        check = f"PRAGMA quick_check({MOST_FAULTS})"
        said = connection.execute(check).fetchall() if every_page else []
    faults = tuple(str(row[0]) for row in said if row[0] != "ok")
    return Inspection(ours, version, len(MIGRATIONS), faults)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
