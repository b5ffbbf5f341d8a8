"""Sums of calls: from the steps where they tell enough, else from the calls themselves.

Steps know no tags, and hold whole quarters of an hour. What lies between a time that was asked for
and the next edge of a step is summed from the calls; where these are deleted already, a step counts
as if all its calls had come when it began.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, Sum
from llmproxy.domain.limit import DAY_STEP_S
from llmproxy.domain.pricing import NANO
from llmproxy.infra.database.sqlite.usage_taking import IN, OUT

_COLUMNS: Final = (
    "at, project, key, model, deployment, operation, outcome, currency, requests, estimated, "
    "input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, images, characters, "
    "audio_ms, cost_whole, cost_nano"
)
_FROM_STEPS: Final = f"SELECT {_COLUMNS}, '' AS tag FROM usage_steps WHERE {{where}}"  # noqa: S608
_FROM_CALLS: Final = f"""
    SELECT CAST(at AS INTEGER) AS at, ifnull(project, '') AS project, usage.key AS key, model,
      ifnull(deployment, '') AS deployment, operation, outcome, currency, 1 AS requests, estimated,
      {IN} AS input_tokens, cache_read_tokens AS cached_input_tokens, {OUT} AS output_tokens,
      reasoning_tokens, images, characters, audio_ms, cost_nano / {NANO} AS cost_whole,
      cost_nano % {NANO} AS cost_nano, {{tag}} AS tag
    FROM (SELECT * FROM usage WHERE {{where}}) AS usage {{tags}}
"""  # noqa: S608
_EACH_TAG: Final = """
    LEFT JOIN json_each(usage.tags) AS each ON NOT EXISTS (
      SELECT 1 FROM json_each(usage.tags) AS before
      WHERE before.value = each.value AND before.key < each.key)
"""
"""A call that has a tag twice is counted under it once."""
_GROUPS: Final[dict[Dimension, str]] = {
    "project": "nullif(project, '')",
    "key": "key",
    "model": "model",
    "deployment": "nullif(deployment, '')",
    "operation": "operation",
    "outcome": "outcome",
    "day": "date(at, 'unixepoch')",
    "month": "strftime('%Y-%m', at, 'unixepoch')",
    "tag": "tag",
}
_SUMS: Final = """
    currency, sum(requests), sum(requests) FILTER (WHERE outcome NOT IN ('finished', 'cached')),
    sum(requests) FILTER (WHERE outcome = 'cached'), sum(estimated), sum(input_tokens),
    sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(images),
    sum(characters), sum(audio_ms), sum(cost_whole), sum(cost_nano)
"""


class Where(NamedTuple):
    """A condition and the values of its marks."""

    text: str
    values: tuple[object, ...] = ()

    def and_(self, *others: "Where") -> "Where":
        """Return the condition that all of them hold."""
        every = (self, *others)
        texts = " AND ".join(each.text for each in every)
        return Where(texts, tuple(value for each in every for value in each.values))


def kept_from(connection: sqlite3.Connection) -> int:
    """Return from when on single calls are kept."""
    return int(connection.execute("SELECT kept_from FROM usage_kept").fetchone()[0])


def between(since: float | None, until: float | None) -> Where:
    """Return the condition on the time of a call or step."""
    low = Where("at >= ?", (0.0 if since is None else since,))
    return low if until is None else low.and_(Where("at < ?", (until,)))


def one_of(column: str, names: frozenset[str]) -> Where:
    """Return the condition on a column; an empty set leaves nothing out."""
    if not names:
        return Where("1")
    if len(names) == 1:  # so that an index in which other columns follow keeps its order
        return Where(f"{column} = ?", tuple(names))
    text = f"{column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - a name of ours
    return Where(text, (json.dumps(sorted(names)),))


def named(wanted: Filter) -> Where:
    """Return the conditions on project, key and model."""
    return one_of("project", wanted.projects).and_(
        one_of("key", wanted.keys), one_of("model", wanted.models)
    )


def tagged(tags: frozenset[str]) -> Where:
    """Return the condition that a call has one of these tags."""
    if not tags:
        return Where("1")
    has = one_of("value", tags)
    return Where(
        f"EXISTS (SELECT 1 FROM json_each(usage.tags) WHERE {has.text})",  # noqa: S608
        has.values,
    )


def sums(connection: sqlite3.Connection, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
    """Return the sums that the port promises, within one read of the file."""
    source = _source(connection, wanted, by)
    groups = [_GROUPS[dimension] for dimension in by]
    numbers = ", ".join(str(number + 1) for number in range(len(groups) + 1))
    columns = ", ".join((*groups, _SUMS))
    rows = connection.execute(
        f"SELECT {columns} FROM ({source.text}) GROUP BY {numbers} ORDER BY {numbers}",  # noqa: S608
        source.values,
    )
    return [_sum(row, len(groups)) for row in rows]


def _source(connection: sqlite3.Connection, wanted: Filter, by: Sequence[Dimension]) -> Where:
    """Return a query of rows that have `_COLUMNS` and `tag`."""
    kept = kept_from(connection)
    names = named(wanted)
    if wanted.tags or "tag" in by:
        since = max(wanted.since or 0.0, kept)
        where = between(since, wanted.until).and_(names, tagged(wanted.tags))
        return _calls(where, each_tag="tag" in by)
    first, last = _edge(wanted.since or 0.0, kept), wanted.until
    if last is not None:
        last = max(_edge(last, kept, down=True), first)
    parts = [_part(_FROM_STEPS, between(first, last).and_(names))]
    for since, until in _beside(wanted, first, last, kept):
        parts.append(_calls(between(since, until).and_(names), each_tag=False))
    texts = " UNION ALL ".join(part.text for part in parts)
    return Where(texts, tuple(value for part in parts for value in part.values))


def _edge(at: float, kept: int, *, down: bool = False) -> float:
    """Return the edge of a step beside this time: the next one, or with `down` the one before.

    Before calls are kept it is always the next one: see the head of this module.
    """
    edge = int(at) // DAY_STEP_S * DAY_STEP_S
    return edge if edge == at or (down and at > kept) else edge + DAY_STEP_S


def _beside(
    wanted: Filter, first: float, last: float | None, kept: int
) -> list[tuple[float, float]]:
    """Return the times that were asked for and that no whole step covers."""
    since, until = wanted.since or 0.0, wanted.until
    head = (since, first if until is None else min(first, until))
    tail = (last, until) if last is not None and until is not None else (0.0, 0.0)
    return [(begin, end) for begin, end in (head, tail) if kept <= begin < end]


def _part(query: str, where: Where) -> Where:
    return Where(query.format(where=where.text), where.values)


def _calls(where: Where, *, each_tag: bool) -> Where:
    tag, tags = ("ifnull(each.value, '')", _EACH_TAG) if each_tag else ("''", "")
    return Where(_FROM_CALLS.format(tag=tag, tags=tags, where=where.text), where.values)


def _sum(row: Sequence[Any], groups: int) -> Sum:
    currency, requests, failed, cached, *counts, whole, rest = row[groups:]
    kinds = (currency, requests, failed or 0, cached or 0)
    return Sum._make((tuple(row[:groups]), *kinds, *counts, whole * NANO + rest))
