"""A ledger in memory, and calls to put into ledgers."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.limiter import (
    History,
    Scope,
    ScopeHistory,
    ScopeKind,
    ScopeName,
    Told,
    Used,
)
from llmproxy.application.interfaces.usage_ledger import (
    NOTHING_TAKEN,
    Batch,
    Dimension,
    Filter,
    RowPage,
    Sum,
    Taken,
    UsageLedger,
)
from llmproxy.domain.caller import NO_KEY
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.usage import Usage
from tests.fakes.past import history_of

NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z."""


def call(number: int = 1, **fields: Any) -> Closed:  # noqa: ANN401
    """A call with something in every field; `number` makes its id and its time."""
    usage = Usage(10, 3, 2, 7, 4, 1, 5, 6, 8, 9, estimated=False)
    usual: dict[str, Any] = {
        "request_id": f"req_{number:06d}",
        "at": NOON + number,
        "key_id": "key_1",
        "project": "équipe",
        "model": "mini",
        "operation": "ChatCompletion",
        "deployment": "mini-1",
        "outcome": Outcome.FINISHED,
        "status": 200,
        "error": None,
        "attempts": [
            Attempt("mini-2", "upstream_error", 0.25, 500),
            Attempt("mini-1", None, 0.5, 200, usage, 1_000),
        ],
        "usage": usage,
        "cost_nano": 1_000,
        "currency": "USD",
        "counted": 1,
        "duration_s": 0.75,
        "first_content_s": 0.5,
        "overhead_s": 0.0005,
        "stream": True,
        "tags": (),
    }
    return Closed(**{**usual, **fields})


class FakeUsageLedger(UsageLedger):
    """Lists; `away` makes every method raise, `forgetful` one more `take` raise after it took."""

    def __init__(self) -> None:
        self.calls: dict[str, Closed] = {}
        self.positions: dict[str, Taken] = {}
        self.batches: list[Batch] = []
        self.away = False
        self.forgetful = False

    def _here(self) -> None:
        if self.away:
            raise Unavailable("The store cannot be reached at the moment.", detail="away")

    @override
    async def taken(self, source: str) -> Taken:
        self._here()
        return self.positions.get(source, NOTHING_TAKEN)

    @override
    async def take(self, batch: Batch) -> None:
        before = await self.taken(batch.source)
        if batch.begin > before.end:
            raise ValueError(f"{batch.source} is here up to {before.end}, not {batch.begin}")
        if before.ended or (batch.end <= before.end and not batch.ended):
            return
        self.batches.append(batch)
        for row in batch.rows:
            self.calls.setdefault(row.request_id, row)
        self.positions[batch.source] = Taken(max(batch.end, before.end), batch.ended)
        if self.forgetful:
            self.forgetful = False
            raise Unavailable("The answer was lost.", detail="lost")

    @override
    async def sums(self, wanted: Filter, by: Sequence[Dimension]) -> list[Sum]:
        self._here()
        groups: dict[tuple[tuple[str | None, ...], str], list[Closed]] = defaultdict(list)
        for row in self._found(wanted):
            for group in _groups(row, by):
                groups[group, row.currency].append(row)
        ordered = sorted(groups, key=lambda each: ([name or "" for name in each[0]], each[1]))
        return [_sum(group, currency, groups[group, currency]) for group, currency in ordered]

    @override
    async def rows(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        self._here()
        found = sorted(
            self._found(wanted), key=lambda row: (row.at, row.request_id), reverse=newest_first
        )
        begin = int(after or 0)
        more = begin + most < len(found)
        return RowPage(found[begin : begin + most], str(begin + most) if more else None)

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        self._here()
        found = {ScopeName(each.kind, each.name): self._history(each, now) for each in scopes}
        return History(found, {source: taken.end for source, taken in self.positions.items()})

    @override
    async def close(self) -> None:
        pass

    def _found(self, wanted: Filter) -> Iterator[Closed]:
        for row in self.calls.values():
            known = (wanted.projects, wanted.keys, wanted.models)
            names = (row.project, row.key_id, row.model)
            if (
                (wanted.since is None or row.at >= wanted.since)
                and (wanted.until is None or row.at < wanted.until)
                and all(not some or name in some for some, name in zip(known, names, strict=True))
                and (not wanted.tags or wanted.tags.intersection(row.tags))
            ):
                yield row

    def _history(self, scope: Scope, now: float) -> ScopeHistory:
        # A limit of a project is not one of calls without a key, which only name it.
        nameless = scope.kind is ScopeKind.PROJECT
        rows = (row for row in self.calls.values() if not (nameless and row.key_id == NO_KEY))
        return history_of(map(_told, rows), scope, now)


def _told(row: Closed) -> Told:
    tokens = row.usage.total_input_tokens + row.usage.total_output_tokens
    used = Used(row.cost_nano, tokens, row.counted)
    return Told(row.at, row.key_id, row.project, row.model, row.deployment, row.currency, used)


def _groups(row: Closed, by: Sequence[Dimension]) -> list[tuple[str | None, ...]]:
    day = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d")
    known = {
        "project": row.project,
        "key": row.key_id,
        "model": row.model,
        "deployment": row.deployment,
        "operation": row.operation,
        "outcome": row.outcome.value,
        "day": day,
        "month": day[:7],
    }
    if "tag" not in by:
        return [tuple(known[each] for each in by)]
    tags = sorted(set(row.tags)) or [""]
    return [tuple({**known, "tag": tag}[each] for each in by) for tag in tags]


def _sum(group: tuple[str | None, ...], currency: str, rows: list[Closed]) -> Sum:
    usages = [row.usage for row in rows]
    outcomes = [row.outcome for row in rows]
    cached = outcomes.count(Outcome.CACHED)
    return Sum(
        group,
        currency,
        len(rows),
        len(rows) - cached - outcomes.count(Outcome.FINISHED),
        cached,
        sum(usage.estimated for usage in usages),
        sum(usage.total_input_tokens for usage in usages),
        sum(usage.cache_read_tokens for usage in usages),
        sum(usage.total_output_tokens for usage in usages),
        sum(usage.reasoning_tokens for usage in usages),
        sum(usage.images for usage in usages),
        sum(usage.characters for usage in usages),
        sum(usage.audio_ms for usage in usages),
        sum(row.cost_nano for row in rows),
    )
