"""Repositories that live and die with the process: for tests and for trying things out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import (
    Change,
    DocumentChangedError,
    DocumentExistsError,
    DocumentMissingError,
    DocumentRepository,
    StoredDocument,
)
from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.application.interfaces.key_repository import (
    KeyChangedError,
    KeyExistsError,
    KeyMissingError,
    KeyRepository,
    StoredKey,
)
from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.infra.wire.document_text import document_etag, document_from, document_text

Item = TypeVar("Item")


class _Log:
    """Ids that changed, in the order of their last change."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.last = 0

    def note(self, identifier: str) -> None:
        self.last += 1
        self._numbers.pop(identifier, None)
        self._numbers[identifier] = self.last

    def since(self, position: int) -> list[str]:
        return [each for each, number in self._numbers.items() if number > position]


class MemoryDocumentRepository(DocumentRepository):
    """Keeps documents as text, so that nobody can change one that is already put."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, str, float]] = {}
        self.log = _Log()

    @override
    async def load_all(self) -> list[StoredDocument]:
        return [self._stored(document_id) for document_id in self._rows]

    @override
    async def get(self, document_id: str) -> StoredDocument | None:
        return self._stored(document_id) if document_id in self._rows else None

    @override
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        document_id = str(document["id"])
        if document_id in self._rows:
            raise DocumentExistsError(f"there is a document {document_id} already")
        await self.put(document, at=at)
        return self._stored(document_id)

    @override
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        document_id = str(document["id"])
        if document_id not in self._rows:
            raise DocumentMissingError(f"there is no document {document_id}")
        self._expect(document_id, etag)
        await self.put(document, at=at)
        return self._stored(document_id)

    @override
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        rows = [
            (str(document["id"]), (document_text(document), document_etag(document), at))
            for document in documents
        ]
        return [self._put(document_id, row) for document_id, row in rows]

    @override
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        if document_id not in self._rows:
            return False
        if etag is not None:
            self._expect(document_id, etag)
        del self._rows[document_id]
        self.log.note(document_id)
        return True

    @override
    async def close(self) -> None:
        """Nothing to let go of."""

    def _expect(self, document_id: str, etag: str) -> None:
        if self._rows[document_id][1] != etag:
            raise DocumentChangedError(f"the document {document_id} has changed since")

    def _put(self, document_id: str, row: tuple[str, str, float]) -> Change:
        before = self._rows.get(document_id)
        if before is not None and before[1] == row[1]:
            return Change.UNCHANGED
        self._rows[document_id] = row
        self.log.note(document_id)
        return Change.CHANGED if before else Change.ADDED

    def _stored(self, document_id: str) -> StoredDocument:
        text, etag, updated_at = self._rows[document_id]
        return StoredDocument(document_id, document_from(text), etag, updated_at)


class MemoryKeyRepository(KeyRepository):
    """Keeps keys in the order they were added."""

    def __init__(self) -> None:
        self._keys: dict[str, StoredKey] = {}
        self.log = _Log()

    @override
    async def load_all(self) -> list[StoredKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    @override
    async def get(self, key_id: str) -> StoredKey | None:
        return self._keys.get(key_id)

    @override
    async def add(self, key: StoredKey) -> None:
        if any(key.id == other.id or key.digest == other.digest for other in self._keys.values()):
            raise KeyExistsError(f"a key {key.id} or its digest exists already")
        self._keep(key)

    @override
    async def update(self, key: StoredKey, *, expected: StoredKey) -> None:
        found = self._keys.get(key.id)
        if found is None:
            raise KeyMissingError(f"there is no key {key.id}")
        if found != expected or key.digest != found.digest:
            raise KeyChangedError(f"the key {key.id} has changed since")
        if key != found:
            self._keep(key)

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        key = self._keys.get(key_id)
        if key is None:
            return False
        if key.revoked_at is None:
            self._keep(replace(key, revoked_at=at))
        return True

    @override
    async def close(self) -> None:
        """Nothing to let go of."""

    def _keep(self, key: StoredKey) -> None:
        self._keys[key.id] = key
        self.log.note(key.id)


class _MemoryFeed(Feed[Item], Generic[Item]):
    """Follows one repository by its log."""

    look_every_s = 1.0
    reload_every_s = None

    def __init__(
        self,
        log: _Log,
        load_all: Callable[[], Awaitable[list[Item]]],
        get: Callable[[str], Awaitable[Item | None]],
    ) -> None:
        self._log = log
        self._load_all = load_all
        self._get = get
        self._position = -1

    @override
    async def everything(self) -> News[Item]:
        position = self._log.last
        found = await self._load_all()
        self._position = position
        return News(found)

    @override
    async def news(self) -> News[Item] | None:
        last = self._log.last
        if self._position < 0:
            return await self.everything()
        if last == self._position:
            return None
        ids = self._log.since(self._position)
        found = [await self._get(each) for each in ids]
        self._position = last
        gone = [each for each, stored in zip(ids, found, strict=True) if stored is None]
        return News([stored for stored in found if stored is not None], gone)


class MemoryDocumentFeed(_MemoryFeed[StoredDocument]):
    """Follows documents."""

    def __init__(self, repository: MemoryDocumentRepository) -> None:
        super().__init__(repository.log, repository.load_all, repository.get)


class MemoryKeyFeed(_MemoryFeed[StoredKey]):
    """Follows keys."""

    def __init__(self, repository: MemoryKeyRepository) -> None:
        super().__init__(repository.log, repository.load_all, repository.get)


class MemorySigningKeyRepository(SigningKeyRepository):
    """Keeps the first key that it is given."""

    def __init__(self) -> None:
        self._key: bytes | None = None

    @override
    async def keep(self, fresh: bytes) -> bytes:
        self._key = self._key or fresh
        return self._key
