"""Documents in a table of their own: `models` or `projects`."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    DocumentExistsError,
    DocumentMissingError,
    DocumentRepository,
    StoredDocument,
)
from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.sqlite.changes import cut
from llmproxy.infra.database.sqlite.document_rows import (
    COLUMNS,
    DamagedRowError,
    DocumentTable,
    Row,
    document_of,
)
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.wire.document_text import document_etag, document_from, document_text

NewRow = tuple[str, str, str, float]

# The name of the table is one of two words, never a caller's.
_ALL: Final = f"SELECT {COLUMNS} FROM {{table}} ORDER BY number"  # noqa: S608
_ONE: Final = f"SELECT {COLUMNS} FROM {{table}} WHERE id = ?"  # noqa: S608
_ETAG: Final = "SELECT etag, updated_at FROM {table} WHERE id = ?"
_DELETE: Final = "DELETE FROM {table} WHERE id = ?"
_PUT: Final = """
    INSERT INTO {table} (id, document, etag, updated_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET document = excluded.document, etag = excluded.etag, updated_at = excluded.updated_at
"""


class SqliteDocumentRepository(DocumentRepository):
    """Shares its file with other repositories; closing it closes the file."""

    def __init__(self, file: SqliteFile, table: DocumentTable) -> None:
        self._file = file
        self._table = table

    @override
    async def load_all(self) -> list[StoredDocument]:
        """See the port. Raises StoreUnusableError when a row is damaged."""
        return await self._file.read(
            lambda connection: [
                self._stored(row) for row in connection.execute(self._sql(_ALL)).fetchall()
            ]
        )

    @override
    async def get(self, document_id: str) -> StoredDocument | None:
        def work(connection: sqlite3.Connection) -> StoredDocument | None:
            row = connection.execute(self._sql(_ONE), (document_id,)).fetchone()
            return None if row is None else self._stored(row)

        return await self._file.read(work)

    @override
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        row = _row(document, at)

        def work(connection: sqlite3.Connection) -> StoredDocument:
            if self._found(connection, row[0]) is not None:
                raise DocumentExistsError(f"there is a document {row[0]} already")
            self._put(connection, row)
            cut(connection)
            return _as_stored(row)

        return await self._file.write(work)

    @override
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        row = _row(document, at)

        def work(connection: sqlite3.Connection) -> StoredDocument:
            found = self._found(connection, row[0])
            if found is None:
                raise DocumentMissingError(f"there is no document {row[0]}")
            _expect(row[0], found[0], etag)
            if self._put(connection, row) is Change.UNCHANGED:
                return _as_stored((*row[:3], found[1]))
            cut(connection)
            return _as_stored(row)

        return await self._file.write(work)

    @override
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        # In the worker, before the file is locked: to write ten thousand as JSON takes a while.
        rows = await self._file.read(lambda _: [_row(document, at) for document in documents])

        def work(connection: sqlite3.Connection) -> list[Change]:
            changes = [self._put(connection, row) for row in rows]
            cut(connection)
            return changes

        return await self._file.write(work)

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            found = self._found(connection, document_id)
            if found is None:
                return False
            _expect(document_id, found[0], etag)
            connection.execute(self._sql(_DELETE), (document_id,))
            cut(connection)
            return True

        return await self._file.write(work)

    @override
    async def close(self) -> None:
        await self._file.close()

    def _sql(self, statement: str) -> str:
        return statement.format(table=self._table)

    def _found(self, connection: sqlite3.Connection, document_id: str) -> tuple[str, float] | None:
        """Return etag and time of the document that is there."""
        row: tuple[str, float] | None = connection.execute(
            self._sql(_ETAG), (document_id,)
        ).fetchone()
        return row

    def _put(self, connection: sqlite3.Connection, row: NewRow) -> Change:
        before = self._found(connection, row[0])
        if before is not None and before[0] == row[2]:
            return Change.UNCHANGED
        connection.execute(self._sql(_PUT), row)
        return Change.ADDED if before is None else Change.CHANGED

    def _stored(self, row: Row) -> StoredDocument:
        try:
            return document_of(self._table, row)
        except DamagedRowError as error:
            raise StoreUnusableError(str(error)) from error


def _row(document: Mapping[str, object], at: float) -> NewRow:
    return str(document["id"]), document_text(document), document_etag(document), at


def _as_stored(row: NewRow) -> StoredDocument:
    return StoredDocument(row[0], document_from(row[1]), row[2], row[3])


def _expect(document_id: str, found: str, etag: str | None) -> None:
    if etag is not None and etag != found:
        raise DocumentChangedError(f"the document {document_id} has changed since")
