"""Repositories that live and die with the process: for tests and for trying things out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from typing_extensions import override

from llmproxy.application.interfaces.key_repository import (
    KeyExistsError,
    KeyRepository,
    StoredKey,
)
from llmproxy.application.interfaces.model_repository import Change, ModelRepository, StoredModel
from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.infra.wire.document_text import document_etag, document_from, document_text


class MemoryModelRepository(ModelRepository):
    """Keeps documents as text, so that nobody can change one that is already put."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, str, float]] = {}
        self._version = 0

    @override
    async def load_all(self) -> list[StoredModel]:
        return [self._stored(model_id) for model_id in self._rows]

    @override
    async def get(self, model_id: str) -> StoredModel | None:
        return self._stored(model_id) if model_id in self._rows else None

    @override
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        rows = [
            (str(document["id"]), (document_text(document), document_etag(document), at))
            for document in documents
        ]
        return [self._put(model_id, row) for model_id, row in rows]

    @override
    async def delete(self, model_id: str) -> bool:
        found = self._rows.pop(model_id, None) is not None
        self._version += found
        return found

    @override
    async def version(self) -> int:
        return self._version

    @override
    async def close(self) -> None:
        """Nothing to let go of."""

    def _put(self, model_id: str, row: tuple[str, str, float]) -> Change:
        before = self._rows.get(model_id)
        if before is not None and before[1] == row[1]:
            return Change.UNCHANGED
        self._rows[model_id] = row
        self._version += 1
        return Change.CHANGED if before else Change.ADDED

    def _stored(self, model_id: str) -> StoredModel:
        text, etag, updated_at = self._rows[model_id]
        return StoredModel(model_id, document_from(text), etag, updated_at)


class MemoryKeyRepository(KeyRepository):
    """Keeps keys in the order they were added."""

    def __init__(self) -> None:
        self._keys: dict[str, StoredKey] = {}
        self._version = 0

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
        self._keys[key.id] = key
        self._version += 1

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        key = self._keys.get(key_id)
        if key is None:
            return False
        if key.revoked_at is None:
            self._keys[key_id] = replace(key, revoked_at=at)
            self._version += 1
        return True

    @override
    async def version(self) -> int:
        return self._version

    @override
    async def close(self) -> None:
        """Nothing to let go of."""


class MemorySigningKeyRepository(SigningKeyRepository):
    """Keeps the first key that it is given."""

    def __init__(self) -> None:
        self._key: bytes | None = None

    @override
    async def keep(self, fresh: bytes) -> bytes:
        self._key = self._key or fresh
        return self._key
