"""What limits need to know of the past: see `History` of the limiter's port."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import reduce
from typing import Final

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    History,
    Scope,
    ScopeHistory,
    ScopeKind,
    ScopeName,
    Step,
    Used,
)
from llmproxy.domain.caller import NO_KEY
from llmproxy.domain.limit import DAY_S, DAY_STEP_S, MINUTE_S, MINUTE_STEP_S, month_of
from llmproxy.domain.pricing import NANO
from llmproxy.infra.database.sqlite.usage_taking import IN, OUT

_NAMED: Final = "{kind} IN (SELECT value FROM json_each(?)) AND {charged}"
_CHARGED: Final = {ScopeKind.PROJECT: f"key <> '{NO_KEY}'"}
"""Whose calls count for a kind, where not all do: see `charged_project`."""
# Kinds are the names of columns, and words of this program.
_MINUTES: Final = f"""
    SELECT {{kind}}, currency, CAST(at AS INTEGER) / {MINUTE_STEP_S} * {MINUTE_STEP_S} AS step,
      sum(counted), sum({IN} + {OUT}), sum(cost_nano / {NANO}), sum(cost_nano % {NANO})
    FROM usage WHERE at >= ? AND {_NAMED} GROUP BY 1, 2, 3
"""  # noqa: S608
_DAYS: Final = f"""
    SELECT {{kind}}, currency, at, sum(counted), sum(input_tokens + output_tokens),
      sum(cost_whole), sum(cost_nano)
    FROM usage_steps WHERE at >= ? AND {_NAMED} GROUP BY 1, 2, 3
"""  # noqa: S608
_MONTHS: Final = """
    SELECT name, currency, at, counted, tokens, cost_whole, cost_nano FROM usage_months
    WHERE at >= ? AND kind = '{kind}' AND name IN (SELECT value FROM json_each(?))
"""
Found = dict[ScopeName, dict[int, Used]]


def history(connection: sqlite3.Connection, scopes: Collection[Scope], now: float) -> History:
    """Return it within one read transaction: sums and positions of one moment."""
    currencies = {ScopeName(each.kind, each.name): each.limits.currency for each in scopes}
    minutes = _found(connection, _MINUTES, currencies, _first(now, MINUTE_S, MINUTE_STEP_S))
    days = _found(connection, _DAYS, currencies, _first(now, DAY_S, DAY_STEP_S))
    months = _found(connection, _MONTHS, currencies, 0)
    began, _ = month_of(now)
    found = {
        name: ScopeHistory(
            _in_order(minutes[name]),
            _in_order(days[name]),
            _together(used for at, used in months[name].items() if at >= began),
            _together(months[name].values()),
        )
        for name in currencies
    }
    rows = connection.execute("SELECT source, taken + ended FROM journal_positions")
    return History(found, dict(rows.fetchall()))


def _first(now: float, length: int, step: int) -> int:
    """Return where the first step begins whose end does not lie the window's length back."""
    return (int(now) - length) // step * step


def _found(
    connection: sqlite3.Connection, query: str, currencies: dict[ScopeName, str], first: int
) -> Found:
    """Return what each scope used, by the step or month in which it did."""
    names: dict[ScopeKind, list[str]] = defaultdict(list)
    for kind, name in currencies:
        names[kind].append(name)
    found: Found = defaultdict(dict)
    for kind, some in names.items():
        text = query.format(kind=kind.value, charged=_CHARGED.get(kind, "TRUE"))
        rows = connection.execute(text, (first, json.dumps(some)))
        for name, currency, at, requests, tokens, whole, rest in rows:
            scope = ScopeName(kind, name)
            # Requests and tokens of every currency count, the cost of the scope's own.
            cost = whole * NANO + rest if currency == currencies[scope] else 0
            steps = found[scope]
            steps[at] = steps.get(at, NOTHING_USED).plus(Used(cost, tokens, requests))
    return found


def _in_order(steps: dict[int, Used]) -> tuple[Step, ...]:
    return tuple(Step(at, used) for at, used in sorted(steps.items()))


def _together(parts: Iterable[Used]) -> Used:
    return reduce(Used.plus, parts, NOTHING_USED)
