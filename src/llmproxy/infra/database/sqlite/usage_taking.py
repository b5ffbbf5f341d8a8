"""Taking a batch: its rows, what they add to the sums, and the place in the journal, at once.

The sums grow by the rows that were really inserted: those with a larger number than any before.
"""

import sqlite3
import time
from collections.abc import Sequence
from typing import Final

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.usage_ledger import NOTHING_TAKEN, Batch, Taken
from llmproxy.domain.caller import charged_project
from llmproxy.domain.limit import DAY_STEP_S, month_of
from llmproxy.domain.pricing import NANO
from llmproxy.infra.database.sqlite.usage_rows import MARKS, NAMES, Row, row_of

# Only names of columns and numbers of this program are put into these statements, never a value.
_INSERT: Final = f"""
    INSERT INTO usage ({NAMES}) VALUES ({MARKS}) ON CONFLICT (request_id) DO NOTHING
"""  # noqa: S608
_LAST: Final = "SELECT ifnull(max(number), 0) FROM usage"
_TAKEN: Final = "SELECT taken, ended FROM journal_positions WHERE source = ?"
_PUT: Final = """
    INSERT INTO journal_positions (source, taken, ended, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (source) DO UPDATE
    SET taken = excluded.taken, ended = excluded.ended, at = excluded.at
"""
_TURN: Final = 64
"""Rows after which another thread gets a turn: about a quarter of a millisecond."""
IN: Final = (
    "input_tokens + cache_read_tokens + cache_write_tokens + cache_write_1h_tokens "
    "+ audio_input_tokens + image_input_tokens"
)
OUT: Final = "output_tokens + reasoning_tokens + audio_output_tokens + image_output_tokens"
_STEP: Final = f"CAST(at AS INTEGER) / {DAY_STEP_S} * {DAY_STEP_S}"
_FRESH: Final = f"""
    SELECT {_STEP}, ifnull(project, ''), key, model, ifnull(deployment, ''), operation, outcome,
      currency, count(*), sum(counted), sum(estimated), sum({IN}), sum(cache_read_tokens),
      sum({OUT}), sum(reasoning_tokens), sum(images), sum(characters), sum(audio_ms),
      sum(cost_nano / {NANO}), sum(cost_nano % {NANO})
    FROM usage WHERE number > ?
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608
"""What the rows add up to that are new: few groups of many rows, added to all sums from here."""
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


def take(connection: sqlite3.Connection, batch: Batch, rows: Sequence[Row], at: float) -> None:
    """Keep a batch, within a transaction; `rows` are those of the batch, `at` is now.

    Raises ValueError for a batch that begins beyond what was taken: its file has more.
    """
    before = taken(connection, batch.source)
    if batch.begin > before.end:
        raise ValueError(f"{batch.source} is here up to {before.end}, not to {batch.begin}")
    if before.ended or (batch.end <= before.end and not batch.ended):
        return
    if rows:
        last = connection.execute(_LAST).fetchone()
        connection.executemany(_INSERT, rows)
        fresh = connection.execute(_FRESH, last).fetchall()
        connection.executemany(_STEPS, fresh)
        connection.executemany(_MONTHS, _by_month(fresh))
    connection.execute(_PUT, (batch.source, max(batch.end, before.end), batch.ended, at))


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


def rows_of(calls: Sequence[Closed]) -> list[Row]:
    """Write calls as rows. For the worker, before the file is locked."""
    rows: list[Row] = []
    for number, call in enumerate(calls):
        if number % _TURN == _TURN - 1:
            time.sleep(0)  # lets the event loop have the interpreter
        rows.append(row_of(call))
    return rows
