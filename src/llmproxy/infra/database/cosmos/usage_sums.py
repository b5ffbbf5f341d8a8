"""Adding up what parts say, by any of the dimensions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, Sum
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.limit import DAY_STEP_S
from llmproxy.infra.database.cosmos.usage_item import part_of
from llmproxy.infra.database.cosmos.usage_part import Amounts, Group

_FINE: Final = frozenset({Outcome.FINISHED, Outcome.CACHED})
_MONTH: Final = len("2026-11")
_SUMS: Final = len(Sum._fields) - 2
"""Without the group and the currency."""

Totals = dict[tuple[tuple[str | None, ...], str], list[int]]


def check_edges(wanted: Filter) -> None:
    """See that a filter cuts no step in two. Raises InvalidRequest: sums cannot be cut."""
    for name, at in (("since", wanted.since), ("until", wanted.until)):
        if at is not None and at % DAY_STEP_S:
            raise InvalidRequest(
                f"{name} must be on a quarter of an hour (a multiple of {DAY_STEP_S} s of unix "
                "time): the ledger in Azure Cosmos DB keeps sums of 15 minutes.",
                param=name,
            )


def question(wanted: Filter) -> tuple[str, dict[str, object]]:
    """Return the query for all parts that may hold something of this time."""
    text = "SELECT * FROM c WHERE c.kind = 'sums'"
    parameters: dict[str, object] = {}
    if wanted.since is not None:
        text += " AND c.last >= @since"
        parameters["@since"] = int(wanted.since)
    if wanted.until is not None:
        text += " AND c.first < @until"
        parameters["@until"] = int(wanted.until)
    return text, parameters


def add(
    totals: Totals, items: Iterable[Mapping[str, Any]], wanted: Filter, by: Sequence[Dimension]
) -> None:
    """Add the parts of one answer. Raises Unavailable for one that cannot be read."""
    for item in items:
        for group, amounts in part_of(item).groups.items():
            if not _is_wanted(group, wanted):
                continue
            row = _row(group, amounts)
            for key in _keys(group, by):
                total = totals.setdefault((key, group.currency), [0] * _SUMS)
                for place, amount in enumerate(row):
                    total[place] += amount


def sums_of(totals: Totals) -> list[Sum]:
    """Return them in the order of their groups, those without a value first."""
    keys = sorted(
        totals, key=lambda key: ([(each is not None, each or "") for each in key[0]], key[1])
    )
    return [Sum(group, currency, *totals[group, currency]) for group, currency in keys]


def _is_wanted(group: Group, wanted: Filter) -> bool:
    if wanted.since is not None and group.step < wanted.since:
        return False
    if wanted.until is not None and group.step >= wanted.until:
        return False
    named = (
        (wanted.projects, group.project),
        (wanted.keys, group.key),
        (wanted.models, group.model),
    )
    if any(names and name not in names for names, name in named):
        return False
    return not wanted.tags or not wanted.tags.isdisjoint(group.tags)


def _keys(group: Group, by: Sequence[Dimension]) -> list[tuple[str | None, ...]]:
    if "tag" not in by:
        return [tuple([_value(group, each) for each in by])]
    return [
        tuple([tag if each == "tag" else _value(group, each) for each in by])
        for tag in group.tags or ("",)
    ]


def _value(group: Group, dimension: Dimension) -> str | None:
    if dimension in ("day", "month"):
        day = datetime.fromtimestamp(group.step, UTC).date().isoformat()
        return day if dimension == "day" else day[:_MONTH]
    value: str | None = getattr(group, dimension)
    return value


def _row(group: Group, amounts: Amounts) -> tuple[int, ...]:
    return (
        amounts.requests,
        0 if group.outcome in _FINE else amounts.requests,
        amounts.requests if group.outcome == Outcome.CACHED else 0,
        *amounts[2:],
    )
