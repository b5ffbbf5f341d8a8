"""What limits need to know: the last seconds, the last day, this month and all there ever was."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from llmproxy.application.interfaces.limiter import (
    NOTHING_USED,
    History,
    Scope,
    ScopeHistory,
    ScopeName,
    Step,
    Used,
)
from llmproxy.domain.limit import DAY_S, DAY_STEP_S, MINUTE_S, MINUTE_STEP_S
from llmproxy.infra.database.cosmos.usage_book import (
    BookPage,
    Line,
    add,
    lines_of,
    month_of,
    page_of,
    scopes_of,
)
from llmproxy.infra.database.cosmos.usage_item import part_of
from llmproxy.infra.database.cosmos.usage_part import Group, Moment, Part

QUESTION: Final = "SELECT * FROM c WHERE c.kind = 'sums' AND c.folded = false"
"""All parts that are not in the book, or not surely."""

Steps = dict[ScopeName, dict[int, Used]]


class Tally:
    """Adds up parts for some scopes, as of `now` (unix seconds)."""

    def __init__(self, scopes: Collection[Scope], now: float) -> None:
        self._currencies = {
            ScopeName(scope.kind, scope.name): scope.limits.currency for scope in scopes
        }
        self._now = int(now)
        self._minutes: Steps = {name: {} for name in self._currencies}
        self._days: Steps = {name: {} for name in self._currencies}
        self._lines: dict[Line, Used] = {}
        self._of_full_parts: dict[str, dict[Line, Used]] = {}
        """Apart, since the book may hold them."""
        self.positions: dict[str, int] = {}
        self.full_parts = 0

    @property
    def pages(self) -> list[int]:
        """The pages of the book on which the scopes stand."""
        return sorted({page_of(name) for name in self._currencies})

    def add(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Add the parts of one answer. Raises Unavailable for one that cannot be read."""
        for part in map(part_of, items):
            # One byte behind a file that has ended stand the calls that it left open.
            known = part.end + part.ended
            self.positions[part.source] = max(known, self.positions.get(part.source, 0))
            self.full_parts += part.full
            lines = self._of_full_parts.setdefault(part.name, {}) if part.full else self._lines
            for line, used in lines_of(part):
                if line.scope in self._currencies:
                    add(lines, line, used)
            self._add_days(part)
            self._add_minutes(part)

    def history(self, pages: Mapping[int, BookPage]) -> History:
        """Return it all, with what the book says on the pages of `self.pages`."""
        month = month_of(self._now)
        months: dict[ScopeName, Used] = {}
        totals: dict[ScopeName, Used] = {}
        for line, found in self._all_lines(pages):
            used = self._in_currency(line.scope, line.currency, found)
            totals[line.scope] = totals.get(line.scope, NOTHING_USED).plus(used)
            if line.month == month:
                months[line.scope] = months.get(line.scope, NOTHING_USED).plus(used)
        return History(
            {
                name: ScopeHistory(
                    _steps(self._minutes[name]),
                    _steps(self._days[name]),
                    months.get(name, NOTHING_USED),
                    totals.get(name, NOTHING_USED),
                )
                for name in self._currencies
            },
            self.positions,
        )

    def _all_lines(self, pages: Mapping[int, BookPage]) -> Iterator[tuple[Line, Used]]:
        """Give what each part says, in the book or beside it."""
        yield from self._lines.items()
        for name, theirs in self._of_full_parts.items():
            for line, used in theirs.items():
                if name not in pages[page_of(line.scope)].parts:
                    yield line, used
        for page in pages.values():
            for line, used in page.lines.items():
                if line.scope in self._currencies:
                    yield line, used

    def _add_days(self, part: Part) -> None:
        for group, amounts in part.groups.items():
            if group.step > self._now - DAY_S - DAY_STEP_S:
                self._step(self._days, group, amounts.used)

    def _add_minutes(self, part: Part) -> None:
        begin = self._now - MINUTE_S - MINUTE_STEP_S
        if part.recent is not None:
            for moment, used in part.recent.items():
                if moment.step > begin:
                    self._step(self._minutes, moment, used)
            return
        # Nobody knows when within the 15 minutes it was used: as late as can be.
        newest = self._now - self._now % MINUTE_STEP_S
        for group, amounts in part.groups.items():
            latest = min(group.step + DAY_STEP_S - MINUTE_STEP_S, newest)
            if latest > begin:
                self._step(self._minutes, group._replace(step=latest), amounts.used)

    def _step(self, steps: Steps, who: Group | Moment, used: Used) -> None:
        for name in scopes_of(who):
            if name in self._currencies:
                of_scope = steps[name]
                own = self._in_currency(name, who.currency, used)
                of_scope[who.step] = of_scope.get(who.step, NOTHING_USED).plus(own)

    def _in_currency(self, name: ScopeName, currency: str, used: Used) -> Used:
        """Return what counts for a scope: of a cost in another currency nothing."""
        return used if currency == self._currencies[name] else used._replace(cost_nano=0)


def _steps(steps: Mapping[int, Used]) -> tuple[Step, ...]:
    return tuple([Step(at, steps[at]) for at in sorted(steps)])
