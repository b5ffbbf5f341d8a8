"""A journal and a ledger in lists, for limiters that rebuild their counters."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from typing_extensions import override

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    History,
    Past,
    Reservation,
    Scope,
    ScopeHistory,
    ScopeKind,
    ScopeName,
    Step,
    Stretch,
    Told,
    Used,
)
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import DAY_S, DAY_STEP_S, MINUTE_S, MINUTE_STEP_S, month_of

LINE_BYTES = 100


class FakePast(Past):
    """The ledger knows the first `carried` of all `lines`, the journal the rest.

    `away` makes the ledger unavailable; `asked` are the scopes of each question.
    """

    def __init__(self, name: str = "journal-1.jsonl") -> None:
        self.name = name
        self.lines: list[Told] = []
        self.carried = 0
        self.away = False
        self.asked: list[list[ScopeName]] = []

    def closed(self, held: Reservation, used: Used) -> None:
        """Write the line of a settled call."""
        whose = (held.key_id, held.project, held.model, held.deployment)
        self.tell(held.at, *whose, held.currency, used)

    def tell(self, *fields: object) -> None:
        """Write any line."""
        self.lines.append(Told(*fields))  # type: ignore[arg-type]

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        self.asked.append([ScopeName(scope.kind, scope.name) for scope in scopes])
        known = self.lines[: self.carried]
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("The ledger is away.", code="ledger_unavailable")
        return History(_told(known, scopes, now), {self.name: len(known) * LINE_BYTES})

    def told(self, scopes: Collection[Scope], now: float) -> dict[ScopeName, ScopeHistory]:
        """Return what all lines say of these scopes."""
        return _told(self.lines, scopes, now)

    @override
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        begin = positions.get(self.name, 0)
        lines = self.lines[begin // LINE_BYTES :]
        return [Stretch(self.name, begin, begin + len(lines) * LINE_BYTES, lines)]

    @override
    def place(self) -> tuple[str, int]:
        return self.name, len(self.lines) * LINE_BYTES


def _told(
    lines: list[Told], scopes: Collection[Scope], now: float
) -> dict[ScopeName, ScopeHistory]:
    return {ScopeName(scope.kind, scope.name): history_of(lines, scope, now) for scope in scopes}


def history_of(lines: Iterable[Told], scope: Scope, now: float) -> ScopeHistory:
    """Return what these lines say of a scope, in the steps of its windows."""
    own = [line for line in lines if _belongs(line, scope)]
    month, _ = month_of(now)
    return ScopeHistory(
        _steps(own, scope, int(now) - MINUTE_S, MINUTE_STEP_S),
        _steps(own, scope, int(now) - DAY_S, DAY_STEP_S),
        _sum([line for line in own if line.at >= month], scope),
        _sum(own, scope),
    )


def _belongs(line: Told, scope: Scope) -> bool:
    names = {
        ScopeKind.KEY: line.key_id,
        ScopeKind.PROJECT: line.project,
        ScopeKind.MODEL: line.model,
        ScopeKind.DEPLOYMENT: line.deployment,
    }
    return names[scope.kind] == scope.name


def _steps(lines: list[Told], scope: Scope, since: int, length: int) -> tuple[Step, ...]:
    steps: dict[int, list[Told]] = defaultdict(list)
    for line in lines:
        begin = int(line.at) // length * length
        if begin + length > since:
            steps[begin].append(line)
    return tuple(Step(begin, _sum(steps[begin], scope)) for begin in sorted(steps))


def _sum(lines: list[Told], scope: Scope) -> Used:
    total = NOTHING_USED
    for line in lines:
        cost = line.used.cost_nano if line.currency == scope.limits.currency else 0
        total = Used(
            total.cost_nano + cost,
            total.tokens + line.used.tokens,
            total.requests + line.used.requests,
        )
    return total
