"""Following the tables of a SQLite file: every feed reads the same log of changes."""

import sqlite3
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final, Generic, NamedTuple, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.infra.database.sqlite import document_rows, key_rows
from llmproxy.infra.database.sqlite.changes import ids_between, last
from llmproxy.infra.database.sqlite.document_rows import DamagedRowError, DocumentTable
from llmproxy.infra.database.sqlite.file import SqliteFile, file_version
from llmproxy.infra.database.sqlite.key_rows import DamagedKeyError

Item = TypeVar("Item", bound=StoredDocument | StoredKey)

LOOK_EVERY_S: Final = 1.0
"""A look asks for one number when nothing has changed: 0.1 ms, most of it for going to the worker
and coming back."""
ROWS_IN_ONE_GO: Final = 250
"""So that whoever else uses the file, or the interpreter, gets a turn every two milliseconds."""


class _Table(NamedTuple, Generic[Item]):
    """How rows are found and read; a row begins with the columns that it is ordered by."""

    name: str
    columns: str
    order: tuple[str, ...]
    start: tuple[object, ...]
    """Stands before every row."""
    read: Callable[[Any], Item]

    @property
    def page(self) -> str:
        """Rows that follow one, in order."""
        order, marks = ", ".join(self.order), ", ".join("?" for _ in self.order)
        return (
            f"SELECT {self.columns} FROM {self.name} WHERE ({order}) > ({marks}) "  # noqa: S608
            f"ORDER BY {order} LIMIT {ROWS_IN_ONE_GO}"
        )

    @property
    def one(self) -> str:
        """The row with an id."""
        return f"SELECT {self.columns} FROM {self.name} WHERE id = ?"  # noqa: S608


class _Found(NamedTuple, Generic[Item]):
    """Rows that were read: those that are good, those that are not, those that are not there."""

    items: list[Item]
    faults: dict[str, str]
    missing: list[str]
    end: tuple[object, ...] | None
    """Where the last row stands; None when no other follows."""


class _Look(NamedTuple):
    version: int
    position: int
    ids: Sequence[str] | None
    """None when the log does not reach back to the last position."""


class _TableFeed(Feed[Item]):
    look_every_s = LOOK_EVERY_S
    reload_every_s = None

    def __init__(self, file: SqliteFile, table: _Table[Item]) -> None:
        self._file = file
        self._table = table
        self._version = -1
        self._position: int | None = None
        self._told: set[str] = set()
        self._faults: dict[str, str] = {}

    @override
    async def everything(self) -> News[Item]:
        # What changes from here on may or may not be among the pages; the log will tell.
        version, position = await self._file.read(lambda each: (file_version(each), last(each)))
        items: list[Item] = []
        faults: dict[str, str] = {}
        told: set[str] = set()
        place: tuple[object, ...] | None = self._table.start
        while place is not None:
            page = await self._file.read(_page_work(self._table, place))
            items += page.items
            told.update(item.id for item in page.items)
            faults |= page.faults
            place = page.end
        self._version, self._position = version, position
        self._told, self._faults = told, faults
        return News(items, (), dict(faults))

    @override
    async def news(self) -> News[Item] | None:
        if self._position is None:
            return await self.everything()
        look = await self._file.read(self._look)
        if look is None:
            return None
        if look.ids is None:
            return await self._everything_again()
        found = await self._rows(look.ids)
        self._version, self._position = look.version, look.position
        return self._told_of(found) if look.ids else None

    def _look(self, connection: sqlite3.Connection) -> _Look | None:
        # The version comes first: a commit after it is looked at again, and nothing is skipped.
        version = file_version(connection)
        if version == self._version or self._position is None:
            return None
        end = last(connection)
        return _Look(version, end, ids_between(connection, self._table.name, self._position, end))

    async def _everything_again(self) -> News[Item] | None:
        told, faults = self._told, self._faults
        found = await self.everything()
        gone = told - self._told
        is_news = found.changed or gone or found.faults != faults
        return News(found.changed, gone, found.faults) if is_news else None

    async def _rows(self, ids: Sequence[str]) -> _Found[Item]:
        found: _Found[Item] = _Found([], {}, [], None)
        for start in range(0, len(ids), ROWS_IN_ONE_GO):
            some = await self._file.read(_rows_work(self._table, ids[start:][:ROWS_IN_ONE_GO]))
            found.items.extend(some.items)
            found.faults.update(some.faults)
            found.missing.extend(some.missing)
        return found

    def _told_of(self, found: _Found[Item]) -> News[Item]:
        for item in found.items:
            self._told.add(item.id)
            self._faults.pop(item.id, None)
        for missing in found.missing:
            self._faults.pop(missing, None)
        self._faults |= found.faults
        # A row that cannot be read any more is gone until it is mended.
        gone = [*found.missing, *found.faults]
        self._told.difference_update(gone)
        return News(found.items, gone, dict(self._faults))


class SqliteDocumentFeed(_TableFeed[StoredDocument]):
    """Documents of one table; a row that cannot be read is a fault by its id."""

    def __init__(self, file: SqliteFile, table: DocumentTable) -> None:
        def read(row: document_rows.Row) -> StoredDocument:
            return document_rows.document_of(table, row)

        super().__init__(file, _Table(table, document_rows.COLUMNS, ("number",), (-inf,), read))


class SqliteKeyFeed(_TableFeed[StoredKey]):
    """Keys, live or not; one that cannot be read is a fault by its id."""

    def __init__(self, file: SqliteFile) -> None:
        order = ("created_at", "id")
        super().__init__(file, _Table("keys", key_rows.COLUMNS, order, (-inf, ""), key_rows.key_of))


def _page_work(
    table: _Table[Item], place: tuple[object, ...]
) -> Callable[[sqlite3.Connection], _Found[Item]]:
    def work(connection: sqlite3.Connection) -> _Found[Item]:
        rows = connection.execute(table.page, place).fetchall()
        is_last = len(rows) < ROWS_IN_ONE_GO
        found: _Found[Item] = _Found([], {}, [], None if is_last else rows[-1][: len(place)])
        for row in rows:
            _take(table, row, found)
        return found

    return work


def _rows_work(
    table: _Table[Item], ids: Sequence[str]
) -> Callable[[sqlite3.Connection], _Found[Item]]:
    def work(connection: sqlite3.Connection) -> _Found[Item]:
        found: _Found[Item] = _Found([], {}, [], None)
        for identifier in ids:
            row = connection.execute(table.one, (identifier,)).fetchone()
            if row is None:
                found.missing.append(identifier)
            else:
                _take(table, row, found)
        return found

    return work


def _take(table: _Table[Item], row: tuple[Any, ...], found: _Found[Item]) -> None:
    try:
        found.items.append(table.read(row))
    except (DamagedRowError, DamagedKeyError) as error:
        found.faults[str(row[1])] = str(error)
