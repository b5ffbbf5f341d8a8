"""Taking a batch: its rows, what they add to the sums, and the place in the journal, at once.

The sums grow by the rows that were really inserted: all of them, as good as ever, whose sums were
made beforehand; else those with a larger number than any before are added up.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final

from llmproxy.application.interfaces.usage_ledger import NOTHING_TAKEN, Batch, Taken
from llmproxy.domain.caller import charged_project
from llmproxy.domain.limit import month_of
from llmproxy.infra.database.sqlite.usage_prepared import Prepared, sums_of
from llmproxy.infra.database.sqlite.usage_rows import MARKS, NAMES, Row

# Only names of columns and numbers of this program are put into these statements, never a value.
_INSERT: Final = (
    "INSERT INTO usage ({names}) VALUES {marks} ON CONFLICT (at, request_id) DO NOTHING"
)
_AT_ONCE: Final = (128, 16)
"""So many rows in one statement, then so many. Between statements the event loop may take the
interpreter, and each of its system calls then wakes this thread for nothing until it lets go."""
_INSERTS: Final = {
    count: _INSERT.format(names=NAMES, marks=", ".join([f"({MARKS})"] * count))
    for count in (*_AT_ONCE, 1)
}
_LAST: Final = "SELECT ifnull(max(number), 0) FROM usage"
_TAKEN: Final = "SELECT taken, ended FROM journal_positions WHERE source = ?"
_PUT: Final = """
    INSERT INTO journal_positions (source, taken, ended, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (source) DO UPDATE
    SET taken = excluded.taken, ended = excluded.ended, at = excluded.at
"""
IN: Final = (
    "input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens "
    "+ audio_input_tokens + image_input_tokens"
)
OUT: Final = "output_tokens + reasoning_tokens + audio_output_tokens + image_output_tokens"
_NEW: Final = "SELECT request_id, at FROM usage WHERE number > ?"
_names: Final = itemgetter(*(NAMES.split(", ").index(name) for name in ("request_id", "at")))
_STEP_COUNTS: Final = (
    "requests, counted, estimated, input_tokens, cached_input_tokens, output_tokens, "
    "reasoning_tokens, images, characters, audio_ms, cost_whole, cost_nano"
)
_MONTH_COUNTS: Final = "counted, tokens, cost_whole, cost_nano"


def _adding(table: str, keys: str, counts: str) -> str:
    names = counts.split(", ")
    marks = ", ".join("?" for _ in (*keys.split(", "), *names))
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in names)
    return f"""
        INSERT INTO {table} ({keys}, {counts}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {added}
    """  # noqa: S608 - names of this module


_STEPS: Final = _adding(
    "usage_steps",
    "at, project, key, model, deployment, operation, outcome, currency",
    _STEP_COUNTS,
)
_MONTHS: Final = _adding("usage_months", "kind, name, currency, at", _MONTH_COUNTS)


def taken(connection: sqlite3.Connection, source: str) -> Taken:
    """Return how much of a journal file is here."""
    row = connection.execute(_TAKEN, (source,)).fetchone()
    return NOTHING_TAKEN if row is None else Taken(row[0], bool(row[1]))


def take(connection: sqlite3.Connection, batch: Batch, new: Prepared, at: float) -> None:
    """Keep a batch, within a transaction; `new` are its rows, `at` is now.

    Raises ValueError for a batch that begins beyond what was taken: its file has more.
    """
    before = taken(connection, batch.source)
    if batch.begin > before.end:
        raise ValueError(f"{batch.source} is here up to {before.end}, not to {batch.begin}")
    if before.ended or (batch.end <= before.end and not batch.ended):
        return
    if new.rows:
        last = connection.execute(_LAST).fetchone()
        inserted = _insert(connection, new.rows)
        whole = inserted == len(new.rows)
        fresh = new.sums if whole else sums_of(_inserted(connection, new.rows, last))
        connection.executemany(_STEPS, fresh)
        connection.executemany(_MONTHS, _by_month(fresh))
    connection.execute(_PUT, (batch.source, max(batch.end, before.end), batch.ended, at))


def _insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Insert rows but for those that are here; return how many were not."""
    before = connection.total_changes
    begin = 0
    for count in _AT_ONCE:
        while len(rows) - begin >= count:
            values = tuple(chain.from_iterable(rows[begin : begin + count]))
            connection.execute(_INSERTS[count], values)
            begin += count
    connection.executemany(_INSERTS[1], rows[begin:])
    return connection.total_changes - before


def _inserted(
    connection: sqlite3.Connection, rows: Iterable[Row], last: tuple[int]
) -> Iterator[Row]:
    """Yield the rows that were inserted behind the number `last`: of equal ones the first."""
    new = set(connection.execute(_NEW, last))
    for row in rows:
        names = _names(row)
        if names in new:
            new.remove(names)
            yield row


def _by_month(fresh: Sequence[Row]) -> list[Row]:
    """Add up groups of a step by the scopes that limits know, and by month."""
    months: dict[tuple[str, str, str, int], list[int]] = {}
    for group in fresh:
        at, project, key, model, deployment, _, _, currency, _, counted, _, given = group[:12]
        counts = (counted, given + group[13], group[18], group[19])
        month, _ = month_of(at)
        charged = charged_project(key, project) or ""
        names = (("key", key), ("project", charged), ("model", model), ("deployment", deployment))
        for kind, name in names:
            total = months.setdefault((kind, name, currency, month), [0, 0, 0, 0])
            for place, count in enumerate(counts):
                total[place] += count
    return [(*names, *total) for names, total in months.items() if names[1]]
