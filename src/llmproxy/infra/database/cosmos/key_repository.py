"""Keys, all in the partition of kind `key`: digests only."""

from dataclasses import replace
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
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.shelf import Copy, Shelf
from llmproxy.infra.database.cosmos.stored_key import key_of

_TRIES: Final = 5


class CosmosKeyRepository(KeyRepository):
    """Shares its account with other repositories; closing it closes the account."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @override
    async def load_all(self) -> list[StoredKey]:
        keys = [_read(copy) for copy in await self._shelf.all() if not copy.deleted]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    @override
    async def get(self, key_id: str) -> StoredKey | None:
        copy = await self._find(key_id)
        return None if copy is None else _read(copy)

    @override
    async def add(self, key: StoredKey) -> None:
        # No unique key policy guards the digest: it would have all projects, which have none,
        # collide with each other. Two random keys with one digest do not happen by chance.
        if await self._shelf.with_digest(key.digest.hex()):
            raise _exists(key)
        try:
            await self._shelf.create(self._shelf.item(key.kept(), key.created_at))
        except Collided as error:
            if await self.get(key.id) != key:
                raise _exists(key) from error

    @override
    async def update(self, key: StoredKey, *, expected: StoredKey) -> None:
        copy = await self._find(key.id)
        if copy is None:
            raise KeyMissingError(f"there is no key {key.id}")
        if _read(copy) != expected:
            raise KeyChangedError(f"key {key.id} has changed")
        kept = replace(key, digest=expected.digest)
        if not await self._write(kept, copy):
            raise KeyChangedError(f"key {key.id} has changed")

    @override
    async def revoke(self, key_id: str, at: float) -> bool:
        for _ in range(_TRIES):
            copy = await self._find(key_id)
            if copy is None:
                return False
            key = _read(copy)
            if key.revoked_at is not None or await self._write(replace(key, revoked_at=at), copy):
                return True
        raise Unavailable(
            "The store cannot be changed at the moment.",
            retry_after_s=1.0,
            detail=f"key {key_id} changed again and again while it was to be revoked",
        )

    @override
    async def close(self) -> None:
        await self._shelf.account.close()

    async def _find(self, key_id: str) -> Copy | None:
        found = await self._shelf.copies(key_id)
        return found[0] if found and not found[0].deleted else None

    async def _write(self, key: StoredKey, copy: Copy) -> bool:
        """Put a key in place of a copy; False when somebody else was faster."""
        try:
            await self._shelf.replace(self._shelf.item(key.kept(), copy.registered_at), copy.etag)
        except Collided:
            # Unless it was this very write, whose answer was lost and which was sent again.
            return await self.get(key.id) == key
        return True


def _read(copy: Copy) -> StoredKey:
    try:
        return key_of(copy.document)
    except ValueError as error:
        raise StoreUnusableError(
            f"the stored key {copy.id} is damaged ({error}): mend or remove the item in the "
            "container of keys"
        ) from error


def _exists(key: StoredKey) -> KeyExistsError:
    return KeyExistsError(f"a key {key.id} or its digest exists already")
