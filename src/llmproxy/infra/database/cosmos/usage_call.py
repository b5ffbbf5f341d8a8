"""A call as an item of its own, and back. Its id is the request's, so that it is written once.

It stands in the partition of the hour in which it was admitted. A logical partition takes 10,000
RU/s and 20 GB ("Azure Cosmos DB service quotas", learn.microsoft.com): in an hour of calls of 1 KB
the first is reached long before the second, in a day of them it is the other way round.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.domain.limit import DAY_S
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.cosmos.usage_item import damaged

KIND: Final = "call"
MOST_DAYS: Final = 24_855
"""2**31 - 1 seconds: "Time to live in Azure Cosmos DB", learn.microsoft.com."""


def partition_of(at: float) -> str:
    """Return the partition of the calls of an hour, such as `calls/2026-11-26T14`."""
    return f"calls/{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H}"


def item_of(row: Closed, keep_days: int) -> dict[str, Any]:
    """Return a call as it is written; the service deletes it after `keep_days`.

    With 0, or more than it can count, it never does.
    """
    item = {
        "id": row.request_id,
        "partition": partition_of(row.at),
        "kind": KIND,
        "at": row.at,
        "key": row.key_id,
        "project": row.project,
        "model": row.model,
        "operation": str(row.operation),
        "deployment": row.deployment,
        "outcome": str(row.outcome),
        "status": row.status,
        "error": row.error,
        "attempts": [_attempt_item(attempt) for attempt in row.attempts],
        "usage": _usage_item(row.usage),
        "cost_nano": str(row.cost_nano),
        "currency": row.currency,
        "counted": row.counted,
        "duration_s": row.duration_s,
        "first_content_s": row.first_content_s,
        "overhead_s": row.overhead_s,
        "stream": row.stream,
        "tags": list(row.tags),
    }
    return item | {"ttl": keep_days * DAY_S} if 0 < keep_days <= MOST_DAYS else item


def row_of(item: Mapping[str, Any]) -> Closed:
    """Read a call. Raises Unavailable for one that was damaged by hand."""
    try:
        return Closed(
            str(item["id"]),
            float(item["at"]),
            str(item["key"]),
            item["project"],
            str(item["model"]),
            str(item["operation"]),
            item["deployment"],
            Outcome(item["outcome"]),
            item["status"],
            item["error"],
            [_attempt_of(attempt) for attempt in item["attempts"]],
            Usage(**item["usage"]),
            int(item["cost_nano"]),
            str(item["currency"]),
            int(item["counted"]),
            float(item["duration_s"]),
            None if item["first_content_s"] is None else float(item["first_content_s"]),
            float(item["overhead_s"]),
            item["stream"] is True,
            tuple(item["tags"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(item, error) from error


def _usage_item(usage: Usage) -> dict[str, int | bool]:
    """Return the counts that are not zero."""
    return {name: value for name, value in usage._asdict().items() if value}


def _attempt_item(attempt: Attempt) -> dict[str, Any]:
    item: dict[str, Any] = {
        "deployment": attempt.deployment,
        "error": attempt.error,
        "duration_s": attempt.duration_s,
        "status": attempt.status,
    }
    if attempt.usage is not None:
        item["usage"] = _usage_item(attempt.usage)
    if attempt.cost_nano:
        item["cost_nano"] = str(attempt.cost_nano)
    return item


def _attempt_of(item: Mapping[str, Any]) -> Attempt:
    return Attempt(
        str(item["deployment"]),
        item["error"],
        float(item["duration_s"]),
        item["status"],
        Usage(**item["usage"]) if "usage" in item else None,
        int(item.get("cost_nano", 0)),
    )
