"""The ledger of a running gateway, read over `/admin/usage`."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from typing_extensions import override

from llmproxy.application.interfaces.usage_ledger import Dimension, Filter, RowPage
from llmproxy.application.interfaces.usage_reading import Report, UsageReading
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.remote.exchange import Exchange, path_of
from llmproxy.infra.wire.usage_words import call_of, sum_of

MOST: Final = 1000
"""Rows of one page, at most."""
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)


class RemoteUsage(UsageReading):
    """Asks with an admin key."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @override
    async def report(self, wanted: Filter, by: Sequence[Dimension]) -> Report:
        query = _query(wanted)
        if by:
            query.append(("group_by", ",".join(by)))
        reply = await self._exchange.ask("GET", f"{path_of('usage')}?{urlencode(query)}")
        try:
            values: dict[str, list[dict[str, object]]] = dict(reply.values)  # type: ignore[arg-type]
            groups = [sum_of(each, by) for each in values["data"]]
            totals = [sum_of(each, ()) for each in values["totals"]]
        except _UNREADABLE as error:
            raise _odd() from error
        return Report(groups, totals)

    @override
    async def calls(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        query = [*_query(wanted), ("limit", str(min(most, MOST)))]
        if after is not None:
            query.append(("after", after))
        if newest_first:
            query.append(("order", "desc"))
        reply = await self._exchange.ask("GET", f"{path_of('usage', 'calls')}?{urlencode(query)}")
        try:
            rows = [call_of(each) for each in reply.values["data"]]  # type: ignore[attr-defined]
        except _UNREADABLE as error:
            raise _odd() from error
        following = reply.values.get("last_id")
        return RowPage(rows, following if isinstance(following, str) else None)


def _query(wanted: Filter) -> list[tuple[str, str]]:
    """Return the parameters: always with a beginning, since none means another to a gateway."""
    moments = {"since": wanted.since or 0.0, "until": wanted.until}
    query = [(name, f"{at:.6f}") for name, at in moments.items() if at is not None]
    filters = {
        "project": wanted.projects,
        "key": wanted.keys,
        "model": wanted.models,
        "tag": wanted.tags,
    }
    return query + [(name, each) for name, values in filters.items() for each in sorted(values)]


def _odd() -> Unavailable:
    return Unavailable("The gateway's answer about usage makes no sense: is it of this version?")
