"""Keys in the `keys` table: digests only."""

import sqlite3
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.key_repository import (
    KeyChangedError,
    KeyExistsError,
    KeyMissingError,
    KeyRepository,
    StoredKey,
)
from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.sqlite.changes import cut
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.database.sqlite.key_rows import (
    COLUMNS,
    NAMES,
    DamagedKeyError,
    Row,
    key_of,
    row_of,
)

# Only names of columns are put into these statements, never a value.
_ALL: Final = f"SELECT {COLUMNS} FROM keys ORDER BY created_at, id"  # noqa: S608
_ONE: Final = f"SELECT {COLUMNS} FROM keys WHERE id = ?"  # noqa: S608
_MARKS: Final = ", ".join("?" for _ in NAMES.split(","))
_ADD: Final = f"INSERT INTO keys ({NAMES}) VALUES ({_MARKS})"  # noqa: S608
_UPDATE: Final = f"UPDATE keys SET ({NAMES}) = ({_MARKS}) WHERE id = ?"  # noqa: S608
_REVOKE: Final = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"


class SqliteKeyRepository(KeyRepository):
    """Shares its file with other repositories; closing it closes the file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @override
    async def load_all(self) -> list[StoredKey]:
        """See the port. Raises StoreUnusableError when a row is damaged."""
        return await self._file.read(
            lambda connection: [_stored(row) for row in connection.execute(_ALL).fetchall()]
        )

    @override
    async def get(self, key_id: str) -> StoredKey | None:
        return await self._file.read(lambda connection: _found(connection, key_id))

    @override
    async def add(self, key: StoredKey) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, row_of(key))
            cut(connection)

        try:
            await self._file.write(work)
        except sqlite3.IntegrityError as error:
            raise KeyExistsError(f"a key {key.id} or its digest exists already") from error

    @override
    async def update(self, key: StoredKey, *, expected: StoredKey) -> None:
        def work(connection: sqlite3.Connection) -> None:
            found = _found(connection, key.id)
            if found is None:
                raise KeyMissingError(f"there is no key {key.id}")
            if found != expected or key.digest != found.digest:
                raise KeyChangedError(f"the key {key.id} has changed since")
            if key != found:
                connection.execute(_UPDATE, (*row_of(key), key.id))
                cut(connection)

        await self._file.write(work)

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(_REVOKE, (at, key_id)).rowcount > 0:
                cut(connection)
                return True
            known = connection.execute("SELECT 1 FROM keys WHERE id = ?", (key_id,)).fetchone()
            return known is not None

        return await self._file.write(work)

    @override
    async def close(self) -> None:
        await self._file.close()


def _found(connection: sqlite3.Connection, key_id: str) -> StoredKey | None:
    row = connection.execute(_ONE, (key_id,)).fetchone()
    return None if row is None else _stored(row)


def _stored(row: Row) -> StoredKey:
    try:
        return key_of(row)
    except DamagedKeyError as error:
        raise StoreUnusableError(str(error)) from error
