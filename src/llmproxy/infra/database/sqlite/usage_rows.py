"""How a call stands in the `usage` table."""

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

import msgspec

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.domain.operation import Operation
from llmproxy.domain.usage import Usage

logger = logging.getLogger("llmproxy.ledger")

Row = tuple[Any, ...]

NAMES: Final = (
    "request_id, at, key, project, model, operation, deployment, outcome, status, error, attempts, "
    f"{', '.join(Usage._fields)}, "
    "cost_nano, currency, counted, duration_s, first_content_s, overhead_s, stream, tags"
)
_NO_TEXT: Final = 0
_NO_NUMBER: Final = ""
_NONE: Final = {
    **dict.fromkeys(("project", "deployment", "error", "tags"), _NO_TEXT),
    **dict.fromkeys(("status", "first_content_s"), _NO_NUMBER),
}
"""What stands for none in a row: sqlite3 looks for an adapter of each None that it is given, and
raises and catches an exception because there is none."""
MARKS: Final = ", ".join(
    f"nullif(?, {_NONE[name]!r})" if name in _NONE else "?" for name in NAMES.split(", ")
)
MOST_COUNT: Final = 10**15
"""No call uses a thousand million million of anything. A provider's nonsense beyond it is cut, so
that sums stay integers of SQLite (sqlite.org/datatype3.html)."""
MOST_COST: Final = 2**63 - 1
_USAGE: Final = 11
"""Where the counts begin among the columns."""
_USAGE_END: Final = _USAGE + len(Usage._fields)

_CLOSED: Final = tuple(field.name for field in fields(Closed) if field.name != "usage")
"""The fields of a call in the order of the columns; its counts have columns of their own."""

_WORDS: Final = {word: word.value for word in (*Outcome, *Operation)}
"""Plain texts instead of members of enums, which sqlite3 would look for an adapter of."""

_encode: Final = msgspec.json.Encoder().encode
_attempts: Final = msgspec.json.Decoder(list[Attempt]).decode
_tags: Final = msgspec.json.Decoder(tuple[str, ...]).decode


def row_of(call: Closed) -> Row:
    """Write a call as what MARKS take, in the very types that SQLite has: others cost time."""
    if max(call.usage) > MOST_COUNT or call.cost_nano > MOST_COST:
        call = _bounded(call)
    return (
        call.request_id,
        call.at,
        call.key_id,
        _NO_TEXT if (project := call.project) is None else project,
        call.model,
        _WORDS.get(call.operation, call.operation),
        _NO_TEXT if (deployment := call.deployment) is None else deployment,
        _WORDS[call.outcome],
        _NO_NUMBER if (status := call.status) is None else status,
        _NO_TEXT if (error := call.error) is None else error,
        _encode(call.attempts).decode(),
        *call.usage[:-1],
        1 if call.usage.estimated else 0,
        call.cost_nano,
        call.currency,
        call.counted,
        call.duration_s,
        _NO_NUMBER if (first_content_s := call.first_content_s) is None else first_content_s,
        call.overhead_s,
        1 if call.stream else 0,
        _encode(call.tags).decode() if call.tags else _NO_TEXT,
    )


def _bounded(call: Closed) -> Closed:
    usage = call.usage
    said = (call.request_id, usage, call.cost_nano)
    logger.error("the call %s used more than can be: %s, at %d nano-units", *said)
    counts = (min(count, MOST_COUNT) for count in usage[:-1])
    usage = Usage._make((*counts, usage.estimated))
    return replace(call, usage=usage, cost_nano=min(call.cost_nano, MOST_COST))


def call_of(row: Sequence[Any]) -> Closed:
    """Read a row of the columns NAMES."""
    counts = row[_USAGE:_USAGE_END]
    values = (*row[:_USAGE], *row[_USAGE_END:])
    known: dict[str, Any] = dict(zip(_CLOSED, values, strict=True))
    known["outcome"] = Outcome(known["outcome"])
    known["attempts"] = _attempts(known["attempts"])
    known["usage"] = Usage._make((*counts[:-1], bool(counts[-1])))
    known["stream"] = bool(known["stream"])
    known["tags"] = () if known["tags"] is None else _tags(known["tags"])
    return Closed(**known)
