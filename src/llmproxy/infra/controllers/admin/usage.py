"""`/admin/usage`: what calls used, summed up, and single calls; as JSON, CSV or JSON lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.usage_ledger import Filter, RowPage
from llmproxy.application.interfaces.usage_reading import UsageReading
from llmproxy.application.registry import Registry
from llmproxy.infra.controllers.admin.route import router
from llmproxy.infra.controllers.admin.usage_export import Export
from llmproxy.infra.controllers.admin.usage_query import filter_of, groups_of
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.schemas.usage import CallQuery, UsageCalls, UsageQuery, UsageReport
from llmproxy.infra.wire.csv_text import csv_line
from llmproxy.infra.wire.usage_words import (
    CALL_COLUMNS,
    SUM_WORDS,
    call_cells,
    call_words,
    instant,
    sum_words,
)

PAGE: Final = 100
EXPORTED_AT_ONCE: Final = 1000
MANY: Final = 200
"""So many lines take some milliseconds to write: more of them are written beside the loop."""
TYPES: Final = {"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl"}
SAID: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}, "application/jsonl": {}}}
}
ONLY_SUMS: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "`read_only`: the ledger keeps sums only, and no single calls."}
}
Opened = Callable[[Request], Awaitable[UsageReading]]
Words = dict[str, Any]
_json = msgspec.json.Encoder().encode


def usage_routes(
    registry: Registry, reading: Callable[[], UsageReading], clock: Clock
) -> APIRouter:
    """Return the routes; they need an admin key. `reading` is asked once the server serves."""

    async def opened(request: Request) -> UsageReading:
        registry.administrator(*credentials(request.scope))
        return reading()

    routes = router()
    _sums(routes, opened, clock)
    _calls(routes, opened, clock)
    return routes


def _sums(routes: APIRouter, opened: Opened, clock: Clock) -> None:
    @routes.get("/usage", response_model=UsageReport, responses=SAID)
    async def read_usage(
        usage: Annotated[UsageReading, Depends(opened)], query: Annotated[UsageQuery, Query()]
    ) -> Response:
        """Sum up what calls used: requests, tokens and cost, grouped as asked for.

        CSV and JSON lines hold the groups; the totals are in JSON only.
        """
        wanted, by = filter_of(query, clock), groups_of(query.group_by)
        report = await usage.report(wanted, by)

        def written() -> bytes:
            groups = [sum_words(each, by) for each in report.groups]
            if query.format == "jsonl":
                return _lines(groups)
            if query.format == "csv":
                columns = (*by, *SUM_WORDS)
                cells = ([words[name] for name in columns] for words in groups)
                return _csv(columns, cells)
            totals = [sum_words(each, ()) for each in report.totals]
            head = {"object": "list", **_span(wanted), "group_by": by}
            return _json({**head, "data": groups, "totals": totals})

        body = await _beside(len(report.groups), written)
        if query.format == "json":
            return Response(body, media_type="application/json")
        return Response(body, media_type=TYPES[query.format], headers=_named(query.format))


def _calls(routes: APIRouter, opened: Opened, clock: Clock) -> None:
    @routes.get("/usage/calls", response_model=UsageCalls, responses=SAID | ONLY_SUMS)
    async def list_calls(
        usage: Annotated[UsageReading, Depends(opened)], query: Annotated[CallQuery, Query()]
    ) -> Response:
        """List single calls, oldest first unless `order` says otherwise.

        JSON comes in pages. CSV and JSON lines hold all calls, up to `limit` if it is given; they
        are sent as they are read.
        """
        wanted = filter_of(query, clock)
        if query.format == "json":
            return await _page(usage, wanted, query)
        most = query.limit or EXPORTED_AT_ONCE
        # What cannot be read at all is refused with a status, before anything is sent.
        first = await _read(usage, wanted, query, query.after, most)
        pieces = _pieces(usage, wanted, first, query)
        return Export(pieces, TYPES[query.format], _named(query.format))


async def _read(
    usage: UsageReading, wanted: Filter, query: CallQuery, after: str | None, most: int
) -> RowPage:
    return await usage.calls(wanted, after, most, newest_first=query.order == "desc")


async def _page(usage: UsageReading, wanted: Filter, query: CallQuery) -> Response:
    page = await _read(usage, wanted, query, query.after, query.limit or PAGE)

    def written() -> bytes:
        return _json(
            {
                "object": "list",
                **_span(wanted),
                "data": [call_words(each) for each in page.rows],
                "has_more": page.next is not None,
                "last_id": page.next,
            }
        )

    return Response(await _beside(len(page.rows), written), media_type="application/json")


async def _pieces(
    usage: UsageReading, wanted: Filter, first: RowPage, query: CallQuery
) -> AsyncIterator[bytes]:
    """Yield the pages of an export, one at a time in memory."""
    page, left = first, query.limit
    if query.format == "csv":
        yield csv_line(CALL_COLUMNS).encode()
    while True:
        rows = page.rows

        def written(rows: Sequence[Any] = rows) -> bytes:
            words = [call_words(each) for each in rows]
            if query.format == "jsonl":
                return _lines(words)
            return "".join(csv_line(call_cells(each)) for each in words).encode()

        if rows:
            yield await _beside(len(rows), written)
        left = None if left is None else left - len(rows)
        if page.next is None or left == 0:
            return
        page = await _read(usage, wanted, query, page.next, left or EXPORTED_AT_ONCE)


async def _beside(lines: int, written: Callable[[], bytes]) -> bytes:
    return written() if lines <= MANY else await asyncio.to_thread(written)


def _span(wanted: Filter) -> Words:
    until = None if wanted.until is None else instant(wanted.until, "auto")
    return {"since": instant(wanted.since or 0.0, "auto"), "until": until}


def _lines(words: Iterable[Words]) -> bytes:
    return b"".join(_json(each) + b"\n" for each in words)


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    return "".join([csv_line(columns), *map(csv_line, rows)]).encode()


def _named(format_: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="usage.{format_}"'}
