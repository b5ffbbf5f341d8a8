"""The signing key in the `signing_keys` table."""

import sqlite3

from typing_extensions import override

from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.infra.database.sqlite.file import SqliteFile


class SqliteSigningKeyRepository(SigningKeyRepository):
    """Shares its file with other repositories."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @override
    async def keep(self, fresh: bytes) -> bytes:
        def kept(connection: sqlite3.Connection) -> bytes:
            connection.execute("INSERT OR IGNORE INTO signing_keys VALUES ('seals', ?)", (fresh,))
            found = _found(connection)
            return fresh if found is None else found

        # Nothing is written by a start that finds the key: a change would make others reload.
        found = await self._file.read(_found)
        return await self._file.write(kept) if found is None else found


def _found(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT key FROM signing_keys WHERE purpose = 'seals'").fetchone()
    return None if row is None else bytes(row[0])
