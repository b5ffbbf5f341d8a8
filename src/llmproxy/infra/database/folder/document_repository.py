"""Documents of a folder, which only its owner changes."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentRepository,
    ReadOnlyError,
    StoredDocument,
)
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.wire.document_text import document_from, document_text


class FolderDocumentRepository(DocumentRepository):
    """In path order: folder by folder, file by file, from top to bottom."""

    def __init__(self, folder: DocumentFolder) -> None:
        self._folder = folder

    @override
    async def load_all(self) -> list[StoredDocument]:
        documents = (await self._folder.read()).documents
        return await asyncio.to_thread(_copies, documents)

    @override
    async def get(self, document_id: str) -> StoredDocument | None:
        documents = (await self._folder.read()).documents
        return next(iter(_copies(each for each in documents if each.id == document_id)), None)

    @override
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        self._refuse()

    @override
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        self._refuse()

    @override
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        self._refuse()

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        self._refuse()

    @override
    async def close(self) -> None:
        """Nothing to let go of."""

    def _refuse(self) -> NoReturn:
        raise ReadOnlyError(
            f"models come from the folder {self._folder.path} (MODELS_PATH): change the files there"
        )


def _copies(documents: Iterable[StoredDocument]) -> list[StoredDocument]:
    """Copy them, so that nobody can change what the folder remembers."""
    return [
        StoredDocument(
            each.id, document_from(document_text(each.document)), each.etag, each.updated_at
        )
        for each in documents
    ]
