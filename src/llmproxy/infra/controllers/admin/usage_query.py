"""From the query of a request for usage to what the ledger is asked."""

from collections.abc import Sequence
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.usage_ledger import Dimension, Filter
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.limit import month_of
from llmproxy.infra.schemas.usage import CallFilter
from llmproxy.infra.wire.usage_asked import dimensions_of, moment_of

MAX_VALUES: Final = 100
"""Of one filter."""


def filter_of(query: CallFilter, clock: Clock) -> Filter:
    """Return which calls are meant. Raises InvalidRequest naming the parameter."""
    since = _moment("since", query.since)
    until = _moment("until", query.until)
    if since is None:
        since = float(month_of(clock.now())[0])
    if until is not None and until <= since:
        begins = "'since'" if query.since is not None else "the first of this month"
        raise _invalid("until", f"must be behind {begins}")
    return Filter(
        since,
        until,
        _values("project", query.project),
        _values("key", query.key),
        _values("model", query.model),
        _values("tag", query.tag),
    )


def groups_of(written: Sequence[str]) -> tuple[Dimension, ...]:
    """Return what to group by. Raises InvalidRequest."""
    try:
        return dimensions_of(written)
    except ValueError as error:
        raise _invalid("group_by", str(error)) from None


def _moment(name: str, written: str | None) -> float | None:
    try:
        return None if written is None else moment_of(written)
    except ValueError as error:
        raise _invalid(name, str(error)) from None


def _values(name: str, given: Sequence[str]) -> frozenset[str]:
    if len(given) > MAX_VALUES:
        raise _invalid(name, f"at most {MAX_VALUES} values")
    if "" in given:
        raise _invalid(name, "a value is empty")
    return frozenset(given)


def _invalid(name: str, fault: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{name}': {fault}.", param=name, code="invalid_value")
