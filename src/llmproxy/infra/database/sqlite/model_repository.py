"""Model documents in the `models` table."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.model_repository import Change, ModelRepository, StoredModel
from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.sqlite.file import SqliteFile
from llmproxy.infra.wire.document_text import document_etag, document_from, document_text

_ALL: Final = "SELECT id, document, etag, updated_at FROM models ORDER BY number"
_ONE: Final = "SELECT id, document, etag, updated_at FROM models WHERE id = ?"
_PUT: Final = """
    INSERT INTO models (id, document, etag, updated_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET document = excluded.document, etag = excluded.etag, updated_at = excluded.updated_at
"""


class SqliteModelRepository(ModelRepository):
    """Shares its file with other repositories; closing it closes the file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @override
    async def load_all(self) -> list[StoredModel]:
        return await self._file.read(
            lambda connection: [_stored(row) for row in connection.execute(_ALL)]
        )

    @override
    async def get(self, model_id: str) -> StoredModel | None:
        def work(connection: sqlite3.Connection) -> StoredModel | None:
            row = connection.execute(_ONE, (model_id,)).fetchone()
            return None if row is None else _stored(row)

        return await self._file.read(work)

    @override
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        rows = [
            (str(document["id"]), document_text(document), document_etag(document), at)
            for document in documents
        ]
        return await self._file.write(lambda connection: [_put(connection, row) for row in rows])

    @override
    async def delete(self, model_id: str) -> bool:
        return await self._file.write(
            lambda connection: (
                connection.execute("DELETE FROM models WHERE id = ?", (model_id,)).rowcount > 0
            )
        )

    @override
    async def version(self) -> int:
        return await self._file.version()

    @override
    async def close(self) -> None:
        await self._file.close()


def _put(connection: sqlite3.Connection, row: tuple[str, str, str, float]) -> Change:
    model_id, _, etag, _ = row
    before = connection.execute("SELECT etag FROM models WHERE id = ?", (model_id,)).fetchone()
    if before is not None and before[0] == etag:
        return Change.UNCHANGED
    connection.execute(_PUT, row)
    return Change.ADDED if before is None else Change.CHANGED


def _stored(row: tuple[str, str, str, float]) -> StoredModel:
    model_id, text, etag, updated_at = row
    try:
        document = document_from(text)
    except (ValueError, TypeError) as error:
        raise StoreUnusableError(
            f"the stored document of model {model_id} is damaged ({error}): "
            f"remove it with `llmproxy models remove {model_id}` and import it again"
        ) from error
    return StoredModel(model_id, document, etag, updated_at)
