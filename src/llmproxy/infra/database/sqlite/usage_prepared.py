"""What is made of a batch before the file is locked for it: rows, and what they add up to."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.journal import Closed
from llmproxy.domain.limit import DAY_STEP_S
from llmproxy.domain.pricing import NANO
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.sqlite.usage_rows import NAMES, Row, row_of

_TURN: Final = 128
"""Rows after which another thread gets a turn: about a quarter of a millisecond."""
_COLUMNS: Final = NAMES.split(", ")
_AT: Final = _COLUMNS.index("at")
_NAMED: Final = "project", "key", "model", "deployment", "operation", "outcome", "currency"
_names: Final = itemgetter(*(_COLUMNS.index(name) for name in (*_NAMED, "counted")))
_COUNTS: Final = slice(_COLUMNS.index(Usage._fields[0]), _COLUMNS.index("cost_nano") + 1)
"""The counts of a usage, and the cost behind them."""


class Prepared(NamedTuple):
    """The rows of a batch, and what they add up to: `sums_of` them."""

    rows: list[Row]
    sums: list[Row]


def prepared(calls: Sequence[Closed]) -> Prepared:
    """Write calls as rows and add them up. For the worker, before the file is locked."""
    rows: list[Row] = []
    for number, call in enumerate(calls):
        _give_way(number)
        rows.append(row_of(call))
    return Prepared(rows, sums_of(rows))


def sums_of(rows: Iterable[Row]) -> list[Row]:
    """Return groups of these rows by step, to be added to all sums."""
    groups: defaultdict[tuple[float, Row], list[Row]] = defaultdict(list)
    for number, row in enumerate(rows):
        _give_way(number)
        groups[row[_AT] // DAY_STEP_S, _names(row)].append(row[_COUNTS])
    return [_group(*key, counts) for key, counts in groups.items()]


def _give_way(number: int) -> None:
    if number % _TURN == _TURN - 1:
        time.sleep(0)  # lets the event loop have the interpreter


def _group(step: float, names: Row, counts: Sequence[Row]) -> Row:
    """Return a group as a row of `usage_steps`."""
    project, key, model, deployment, operation, outcome, currency, counted = names
    columns: list[Any] = [sum(column) for column in zip(*counts, strict=True)]
    usage, cost_nano = Usage._make(columns[:-1]), columns[-1]
    requests = len(counts)
    return (
        int(step) * DAY_STEP_S,
        project or "",
        key,
        model,
        deployment or "",
        operation,
        outcome,
        currency,
        requests,
        counted * requests,
        usage.estimated,
        usage.total_input_tokens,
        usage.cache_read_tokens,
        usage.total_output_tokens,
        usage.reasoning_tokens,
        usage.images,
        usage.characters,
        usage.audio_ms,
        *divmod(cost_nano, NANO),
    )
