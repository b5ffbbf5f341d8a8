"""What is long past, added up by scope, so that a start need not read every part there ever was.

Parts stay where they are: reports need them. But a part of which limits need no single step any
more is *folded*: what it says of keys, projects, models and deployments is added to the book. The
book has 16 pages, `{"id": "book-03", "partition": "book", "kind": "book", "parts": {"source/1":
1795652100}, "rows": [["key", "key_1", "USD", "2026-11", 12, 3400, "1250000"]]}`; a scope stands on
one of them.

No part is counted twice and none left out, whoever folds, reads or dies when, because a page names
the parts that it holds in the very write that adds them, and because of two orders:

- who folds writes pages; the part is marked `folded` 5 minutes later at the soonest, and 24 hours
  later at the latest (else it is dated anew first); pages forget its name after 48 hours.
- who reads takes the parts that are not marked, and then the pages. What a page names it leaves
  out.

So between any two of these steps lie minutes, and clients may see what others wrote late (in the
service's consistency level Session they do).
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from llmproxy.application.interfaces.limiter import NOTHING_USED, ScopeKind, ScopeName, Used
from llmproxy.domain.caller import charged_project
from llmproxy.domain.limit import DAY_S
from llmproxy.infra.database.cosmos.usage_item import damaged
from llmproxy.infra.database.cosmos.usage_part import Group, Moment, Part

KIND: Final = "book"
PARTITION: Final = "book"
PAGES: Final = 16
"""A page of 2 MB holds some 25,000 rows; of a scope there are up to three for each currency."""
EARLIER: Final = ""
"""The month of all that was before the last two."""


class Line(NamedTuple):
    """Which row of a page."""

    scope: ScopeName
    currency: str
    month: str


@dataclass(slots=True)
class BookPage:
    """One page. Without an etag it is not written yet."""

    number: int
    etag: str | None = None
    parts: dict[str, int] = field(default_factory=dict)
    """When each of the parts was added or last dated, by the service's clock."""
    lines: dict[Line, Used] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of its item."""
        return page_id(self.number)

    def take(self, name: str, lines: Iterable[tuple[Line, Used]], now: int) -> None:
        """Add what a part says of the scopes of this page, which does not hold it yet."""
        for line, used in lines:
            add(self.lines, line, used)
        self.parts[name] = now

    def item(self, now: int) -> dict[str, Any]:
        """Return it as it is written, with the months before the last two as one."""
        kept = (month_of(now), month_of(now - 32 * DAY_S))
        lines: dict[Line, Used] = {}
        for line, used in self.lines.items():
            month = line.month if line.month >= min(kept) else EARLIER
            add(lines, line._replace(month=month), used)
        return {
            "id": self.id,
            "partition": PARTITION,
            "kind": KIND,
            "parts": self.parts,
            "rows": [
                [
                    str(line.scope.kind),
                    line.scope.name,
                    line.currency,
                    line.month,
                    used.requests,
                    used.tokens,
                    str(used.cost_nano),
                ]
                for line, used in lines.items()
            ],
        }


def read_page(number: int, item: Mapping[str, Any] | None) -> BookPage:
    """Read a page. Raises Unavailable for one that was damaged by hand."""
    if item is None:
        return BookPage(number)
    try:
        return BookPage(
            number,
            str(item["_etag"]),
            {str(name): int(at) for name, at in item["parts"].items()},
            {
                Line(ScopeName(ScopeKind(kind), name), currency, month): Used(
                    int(cost), tokens, counted
                )
                for kind, name, currency, month, counted, tokens, cost in item["rows"]
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(item, error) from error


def page_id(number: int) -> str:
    """Return the id of a page."""
    return f"book-{number:02d}"


def page_of(scope: ScopeName) -> int:
    """Return the number of the page on which a scope stands."""
    return zlib.crc32(f"{scope.kind}/{scope.name}".encode()) % PAGES


def month_of(at: float) -> str:
    """Return a time's month, in UTC, as the book writes it."""
    return _month_of_day(int(at) // DAY_S)


def scopes_of(group: Group | Moment) -> Iterator[ScopeName]:
    """Return whose use a group is."""
    yield ScopeName(ScopeKind.KEY, group.key)
    project = charged_project(group.key, group.project)
    if project is not None:
        yield ScopeName(ScopeKind.PROJECT, project)
    yield ScopeName(ScopeKind.MODEL, group.model)
    if group.deployment is not None:
        yield ScopeName(ScopeKind.DEPLOYMENT, group.deployment)


def lines_of(part: Part) -> Iterable[tuple[Line, Used]]:
    """Return what a part adds to the book."""
    lines: dict[Line, Used] = {}
    for group, amounts in part.groups.items():
        month = month_of(group.step)
        for scope in scopes_of(group):
            add(lines, Line(scope, group.currency, month), amounts.used)
    return lines.items()


@lru_cache(512)
def _month_of_day(day: int) -> str:
    return f"{datetime.fromtimestamp(day * DAY_S, UTC):%Y-%m}"


def add(lines: dict[Line, Used], line: Line, used: Used) -> None:
    """Add to a row."""
    lines[line] = lines.get(line, NOTHING_USED).plus(used)
