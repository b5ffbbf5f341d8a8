"""Folding parts into the book: see usage_book.py for why it is exact."""

import asyncio
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from llmproxy.application.interfaces.limiter import Used
from llmproxy.infra.database.cosmos.account import Item
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.usage_book import (
    PARTITION,
    BookPage,
    Line,
    lines_of,
    page_id,
    page_of,
    read_page,
)
from llmproxy.infra.database.cosmos.usage_item import HOUR_S, damaged, part_of
from llmproxy.infra.database.cosmos.usage_part import Part
from llmproxy.infra.database.cosmos.usage_shelf import UsageShelf

FOLD_AFTER_S: Final = 26 * HOUR_S
"""A sliding day and its step, and some more for clocks that differ."""
MARK_AFTER_S: Final = 300
MARK_BEFORE_S: Final = 24 * HOUR_S
FORGET_AFTER_S: Final = 48 * HOUR_S
MOST_PARTS: Final = 64
"""In one round."""
_SOON_S: Final = 60
_OUTLINES: Final = 500

Lines = dict[str, list[tuple[Line, Used]]]
"""What parts add to a page, by their names."""


class Outline(NamedTuple):
    """What tells whether a part can be folded."""

    source: str
    number: int
    item_id: str
    partition: str
    full: bool
    ended: bool
    last: int
    written_at: int


class Folding:
    """Makes rounds. Times are those of the service's clock, so that all workers mean the same."""

    def __init__(self, shelf: UsageShelf) -> None:
        self._shelf = shelf

    async def round(self, now: int) -> int | None:
        """Fold some parts that are due; return when to look again, None when nothing is left.

        Raises Unavailable, and ValueError when a page has become too large for an item.
        """
        outlines = await self._outlines()
        due = _due(outlines, now)
        parts = [part for each in due[:MOST_PARTS] if (part := await self._part(each)) is not None]
        adding = await asyncio.to_thread(_by_page, parts)
        unfolded = {f"{each.source}/{each.number}" for each in outlines}
        pages: dict[int, BookPage] = {}
        for number, lines in sorted(adding.items()):
            page = read_page(number, await self._shelf.read(page_id(number), PARTITION))
            if _change(page, lines, unfolded, now) and not await self._write(page, now):
                return now + _SOON_S  # somebody else folds: they may have done it all
            pages[number] = page
        marked = 0
        for part in parts:
            dates = [
                page.parts[part.name] for page in pages.values() if part.name in adding[page.number]
            ]
            if all(now - at >= MARK_AFTER_S for at in dates):
                await self._mark(part)
                marked += 1
        if marked < len(parts):
            return now + MARK_AFTER_S + _SOON_S
        return now + _SOON_S if len(due) > MOST_PARTS else None

    async def _outlines(self) -> list[Outline]:
        text = (
            "SELECT c.id, c.partition, c.source, c.number, c.full, c.ended, c.last, c._ts "
            "FROM c WHERE c.kind = 'sums' AND c.folded = false"
        )
        found: list[Outline] = []
        async for items in self._shelf.pages(text, {}, most=_OUTLINES):
            found.extend(map(_outline, items))
        return found

    async def _part(self, outline: Outline) -> Part | None:
        item = await self._shelf.read(outline.item_id, outline.partition)
        if item is None:
            return None
        part = part_of(item)
        return part if part.full and not part.folded else None

    async def _write(self, page: BookPage, now: int) -> bool:
        item = page.item(now)
        try:
            if page.etag is None:
                await self._shelf.create(item)
            else:
                await self._shelf.replace(item, page.etag)
        except Collided:
            return False
        return True

    async def _mark(self, part: Part) -> None:
        part.folded = True
        try:
            await self._shelf.write(part)
        except Collided:
            return  # marked by somebody else: nothing else ever changes a full part


def is_due(outline: Outline, newest: int, now: int) -> bool:
    """Tell whether limits need no step of a part any more; `newest` is the last of its source.

    The last part of a file that goes on is left: it says how far the file was read.
    """
    old = max(outline.last, outline.written_at) <= now - FOLD_AFTER_S
    return old and outline.full and (outline.ended or outline.number < newest)


def _due(outlines: Collection[Outline], now: int) -> list[Outline]:
    newest: dict[str, int] = {}
    for each in outlines:
        newest[each.source] = max(each.number, newest.get(each.source, 0))
    due = [each for each in outlines if is_due(each, newest[each.source], now)]
    return sorted(due, key=lambda each: (each.written_at, each.source, each.number))


def _change(page: BookPage, adding: Lines, unfolded: Collection[str], now: int) -> bool:
    """Add what is missing and forget what is long past; tell whether anything changed."""
    changed = False
    for name, lines in adding.items():
        at = page.parts.get(name)
        if at is None:
            page.take(name, lines, now)
        elif now - at > MARK_BEFORE_S:
            page.parts[name] = now
        else:
            continue
        changed = True
    for name, at in list(page.parts.items()):
        if name not in unfolded and now - at > FORGET_AFTER_S:
            del page.parts[name]
            changed = True
    return changed


def _by_page(parts: Iterable[Part]) -> dict[int, Lines]:
    """Return what parts add to each page: for a thread, since there can be many lines."""
    found: dict[int, Lines] = {}
    for part in parts:
        for line, used in lines_of(part):
            of_page = found.setdefault(page_of(line.scope), {})
            of_page.setdefault(part.name, []).append((line, used))
    return found


def _outline(item: Item) -> Outline:
    try:
        return Outline(
            str(item["source"]),
            int(item["number"]),
            str(item["id"]),
            str(item["partition"]),
            item["full"] is True,
            item["ended"] is True,
            int(item.get("last", 0)),
            int(item["_ts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(item, error) from error
