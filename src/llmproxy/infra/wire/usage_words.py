"""Rows and sums of the ledger in JSON's words, written and read again.

Costs are exact decimals in units of the currency, as strings with nine digits behind the point
(nano-units); times are RFC 3339 in UTC, with milliseconds for calls.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.usage_ledger import Dimension, Sum
from llmproxy.domain.pricing import NANO
from llmproxy.domain.usage import Usage

Words = dict[str, Any]
COUNTS: Final = Sum._fields[2:-1]
SUM_WORDS: Final = ("currency", *COUNTS, "cost")
CALL_COLUMNS: Final = (
    *("at", "request_id", "key", "project", "model", "operation", "deployment", "outcome"),
    *("status", "error", "stream", "currency", "cost", "estimated", "counted"),
    *(name for name in Usage._fields if name != "estimated"),
    *("duration_s", "first_content_s", "overhead_s", "tags", "attempts"),
)
"""The columns of a call in CSV: its words, with those of its `usage` beside them."""


def money(nano: int) -> str:
    """Return nano-units in units of their currency, such as `0.001234567`."""
    whole, rest = divmod(abs(nano), NANO)
    return f"{'-' if nano < 0 else ''}{whole}.{rest:09d}"


def nano_of(written: str) -> int:
    """Return what `money` wrote. Raises ValueError."""
    try:
        return int(Decimal(written) * NANO)
    except (ArithmeticError, ValueError) as error:
        raise ValueError("no amount of money") from error


def instant(at: float, timespec: str = "milliseconds") -> str:
    """Return unix seconds as `2026-11-26T14:03:11.250Z`."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec)
    return text.removesuffix("+00:00") + "Z"


def sum_words(found: Sum, by: Sequence[Dimension]) -> Words:
    """Return a sum: its group by the names of the dimensions, what was counted, and the cost."""
    return {
        **dict(zip(by, found.group, strict=True)),
        "currency": found.currency,
        **{name: getattr(found, name) for name in COUNTS},
        "cost": money(found.cost_nano),
    }


def sum_of(words: Mapping[str, Any], by: Sequence[Dimension]) -> Sum:
    """Read what `sum_words` wrote. Raises KeyError, TypeError or ValueError."""
    group = tuple([words[name] for name in by])
    counts = [int(words[name]) for name in COUNTS]
    return Sum._make((group, words["currency"], *counts, nano_of(words["cost"])))


def call_words(row: Closed) -> Words:
    """Return all that a row says."""
    return {
        "object": "usage.call",
        "request_id": row.request_id,
        "at": instant(row.at),
        "key": row.key_id,
        "project": row.project,
        "model": row.model,
        "operation": str(row.operation),
        "deployment": row.deployment,
        "outcome": str(row.outcome),
        "status": row.status,
        "error": row.error,
        "attempts": [_attempt_words(each) for each in row.attempts],
        "usage": _usage_words(row.usage),
        "cost": money(row.cost_nano),
        "currency": row.currency,
        "estimated": row.usage.estimated,
        "counted": bool(row.counted),
        "duration_s": row.duration_s,
        "first_content_s": row.first_content_s,
        "overhead_s": row.overhead_s,
        "stream": row.stream,
        "tags": list(row.tags),
    }


def call_of(words: Mapping[str, Any]) -> Closed:
    """Read what `call_words` wrote. Raises KeyError, TypeError or ValueError."""
    return Closed(
        request_id=words["request_id"],
        at=datetime.fromisoformat(words["at"]).timestamp(),
        key_id=words["key"],
        project=words["project"],
        model=words["model"],
        operation=words["operation"],
        deployment=words["deployment"],
        outcome=Outcome(words["outcome"]),
        status=words["status"],
        error=words["error"],
        attempts=[_attempt_of(each) for each in words["attempts"]],
        usage=_usage_of(words["usage"], estimated=words["estimated"]),
        cost_nano=nano_of(words["cost"]),
        currency=words["currency"],
        counted=int(words["counted"]),
        duration_s=words["duration_s"],
        first_content_s=words["first_content_s"],
        overhead_s=words["overhead_s"],
        stream=words["stream"],
        tags=tuple(words["tags"]),
    )


def call_cells(words: Mapping[str, Any]) -> list[object]:
    """Return the cells under `CALL_COLUMNS`."""
    usage = words["usage"]
    return [usage[name] if name in usage else words[name] for name in CALL_COLUMNS]


def _attempt_words(attempt: Attempt) -> Words:
    return {
        "deployment": attempt.deployment,
        "status": attempt.status,
        "error": attempt.error,
        "duration_s": attempt.duration_s,
        "usage": None if attempt.usage is None else _usage_words(attempt.usage),
        "estimated": attempt.usage is not None and attempt.usage.estimated,
        "cost": money(attempt.cost_nano),
    }


def _attempt_of(words: Mapping[str, Any]) -> Attempt:
    usage = words["usage"]
    return Attempt(
        words["deployment"],
        words["error"],
        words["duration_s"],
        words["status"],
        None if usage is None else _usage_of(usage, estimated=words["estimated"]),
        nano_of(words["cost"]),
    )


def _usage_words(usage: Usage) -> Words:
    return {name: value for name, value in usage._asdict().items() if name != "estimated"}


def _usage_of(words: Mapping[str, Any], *, estimated: bool) -> Usage:
    return Usage(**{name: int(count) for name, count in words.items()}, estimated=estimated)
