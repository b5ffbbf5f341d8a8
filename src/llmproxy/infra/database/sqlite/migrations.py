"""The schema of the SQLite file, step by step.

`PRAGMA user_version` is the schema version: the number of steps applied. A step that has been
released is never edited; the next change is the next step.
"""

import sqlite3
from typing import Final, NamedTuple

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.sqlite.usage_schema import USAGE_BY_TIME, USAGE_SCHEMA

APPLICATION_ID: Final = 0x4C4C4D50
"""Marks the file as ours in its header (`LLMP`), so that no foreign file is ever changed."""


class Migration(NamedTuple):
    """One step: its statements are applied in one transaction with the version it leads to."""

    name: str
    statements: tuple[str, ...]


def _told_of(table: str) -> tuple[str, ...]:
    """Return triggers that note the ids of all rows of this table that anybody changes.

    So a change is told whoever makes it: this program, an older one, or a person at a prompt.
    """
    note = f"INSERT INTO changes (kind, id) SELECT '{table}'"
    return (
        f"""
        CREATE TRIGGER {table}_inserted AFTER INSERT ON {table}
        BEGIN {note}, NEW.id; END
        """,
        f"""
        CREATE TRIGGER {table}_updated AFTER UPDATE ON {table}
        BEGIN {note}, OLD.id WHERE OLD.id <> NEW.id; {note}, NEW.id; END
        """,
        f"""
        CREATE TRIGGER {table}_deleted AFTER DELETE ON {table}
        BEGIN {note}, OLD.id; END
        """,
    )


def _new_etag(table: str) -> str:
    """Return a trigger for those who change a document by hand and leave its etag as it was."""
    return f"""
        CREATE TRIGGER {table}_new_etag AFTER UPDATE OF document ON {table}
        WHEN NEW.document IS NOT OLD.document AND NEW.etag IS OLD.etag
        BEGIN UPDATE {table} SET etag = lower(hex(randomblob(16))) WHERE number = NEW.number; END
    """  # noqa: S608 - names of this module


MIGRATIONS: Final = (
    Migration(
        "models and keys",
        (
            """
            CREATE TABLE migrations (
              version INTEGER PRIMARY KEY,
              name TEXT NOT NULL,
              applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
            )
            """,
            """
            CREATE TABLE models (
              number INTEGER PRIMARY KEY, -- the order of registration
              id TEXT NOT NULL UNIQUE,
              document TEXT NOT NULL, -- JSON object, fields in the order they were written
              etag TEXT NOT NULL,
              updated_at REAL NOT NULL -- unix seconds
            )
            """,
            """
            CREATE TABLE keys (
              id TEXT PRIMARY KEY NOT NULL,
              digest TEXT NOT NULL UNIQUE, -- SHA-256 of the key, hex
              prefix TEXT NOT NULL,
              project TEXT,
              models TEXT, -- JSON array of codes or ids; NULL = all
              admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
              created_at REAL NOT NULL, -- unix seconds, as all times here
              expires_at REAL,
              revoked_at REAL
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        "signing key",
        (
            """
            CREATE TABLE signing_keys (
              purpose TEXT PRIMARY KEY NOT NULL,
              key BLOB NOT NULL -- random bytes, made once and the same for every worker
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        "projects and a log of changes",
        (
            """
            CREATE TABLE projects (
              number INTEGER PRIMARY KEY, -- the order of registration
              id TEXT NOT NULL UNIQUE,
              document TEXT NOT NULL, -- JSON object, fields in the order they were written
              etag TEXT NOT NULL,
              updated_at REAL NOT NULL -- unix seconds
            )
            """,
            "ALTER TABLE keys ADD COLUMN replaces TEXT",  # id of the key it was rotated from
            "CREATE INDEX keys_by_age ON keys (created_at, id)",  # to read them page by page
            """
            CREATE TABLE changes (
              seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: sqlite.org/autoinc.html
              kind TEXT NOT NULL, -- the table
              id TEXT NOT NULL -- of a row that was added, changed or deleted
            )
            """,
            *_told_of("models"),
            *_told_of("projects"),
            *_told_of("keys"),
            _new_etag("models"),
            _new_etag("projects"),
        ),
    ),
    Migration("usage, and limits of keys", USAGE_SCHEMA),
    Migration("calls in the order of their times", USAGE_BY_TIME),
)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring the file to the newest schema; safe when several processes start at once.

    `connection` is in autocommit mode; `name` is how messages call the file.

    Raises:
        StoreUnusableError: when the file is newer than this program, or not a store of ours.

    """
    if _version(connection, name) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated between the look above and the lock.
        for number in range(_version(connection, name), len(MIGRATIONS)):
            _apply(connection, number + 1, MIGRATIONS[number])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection, version: int, migration: Migration) -> None:
    for statement in migration.statements:
        connection.execute(statement)
    connection.execute(
        "INSERT INTO migrations (version, name) VALUES (?, ?)", (version, migration.name)
    )
    # PRAGMA takes no parameters; both are integers of this module.
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")


def _version(connection: sqlite3.Connection, name: str) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if mark != APPLICATION_ID and (mark or version or tables):
        raise StoreUnusableError(f"{name} is a database of another program; nothing was changed")
    if version > len(MIGRATIONS):
        raise StoreUnusableError(
            f"{name} has schema version {version}, but this LLM Proxy knows only up to "
            f"{len(MIGRATIONS)}: install the newer LLM Proxy, or use another data folder"
        )
    return version
