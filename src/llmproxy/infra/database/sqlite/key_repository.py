"""Keys in the `keys` table: digests only."""

import json
import sqlite3
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.key_repository import (
    KeyExistsError,
    KeyRepository,
    StoredKey,
)
from llmproxy.infra.database.sqlite.file import SqliteFile

_ALL: Final = """
    SELECT id, digest, prefix, project, models, admin, created_at, expires_at, revoked_at
    FROM keys ORDER BY created_at, id
"""
_ONE: Final = """
    SELECT id, digest, prefix, project, models, admin, created_at, expires_at, revoked_at
    FROM keys WHERE id = ?
"""
_ADD: Final = """
    INSERT INTO keys
      (id, digest, prefix, project, models, admin, created_at, expires_at, revoked_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

Row = tuple[str, str, str, str | None, str | None, int, float, float | None, float | None]


class SqliteKeyRepository(KeyRepository):
    """Shares its file with other repositories; closing it closes the file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @override
    async def load_all(self) -> list[StoredKey]:
        return await self._file.read(
            lambda connection: [_stored(row) for row in connection.execute(_ALL)]
        )

    @override
    async def get(self, key_id: str) -> StoredKey | None:
        def work(connection: sqlite3.Connection) -> StoredKey | None:
            row = connection.execute(_ONE, (key_id,)).fetchone()
            return None if row is None else _stored(row)

        return await self._file.read(work)

    @override
    async def add(self, key: StoredKey) -> None:
        row = _row(key)
        try:
            await self._file.write(lambda connection: connection.execute(_ADD, row).rowcount)
        except sqlite3.IntegrityError as error:
            raise KeyExistsError(f"a key {key.id} or its digest exists already") from error

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(
                "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (at, key_id)
            )
            return connection.execute(_ONE, (key_id,)).fetchone() is not None

        return await self._file.write(work)

    @override
    async def version(self) -> int:
        return await self._file.version()

    @override
    async def close(self) -> None:
        await self._file.close()


def _row(key: StoredKey) -> Row:
    models = None if key.models is None else json.dumps(sorted(key.models), ensure_ascii=False)
    return (
        key.id,
        key.digest.hex(),
        key.prefix,
        key.project,
        models,
        int(key.admin),
        key.created_at,
        key.expires_at,
        key.revoked_at,
    )


def _stored(row: Row) -> StoredKey:
    key_id, digest, prefix, project, models, admin, created_at, expires_at, revoked_at = row
    return StoredKey(
        id=key_id,
        digest=bytes.fromhex(digest),
        prefix=prefix,
        project=project,
        models=None if models is None else frozenset(json.loads(models)),
        admin=bool(admin),
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
