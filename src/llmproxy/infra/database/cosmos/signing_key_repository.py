"""The signing key, an item of kind `signing_key`."""

from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.shelf import Shelf

_PURPOSE: Final = "seals"


class CosmosSigningKeyRepository(SigningKeyRepository):
    """Whoever creates the item first has made the key: the service lets only one."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @override
    async def keep(self, fresh: bytes) -> bytes:
        found = await self._found()
        if found is not None:
            return found
        try:
            await self._shelf.create(
                self._shelf.item({"id": _PURPOSE, "key": fresh.hex()}, registered_at=0.0)
            )
        except Collided as error:
            found = await self._found()
            if found is None:
                raise Unavailable(
                    "The store cannot be reached at the moment.",
                    retry_after_s=1.0,
                    detail="the signing key is there and cannot be read",
                ) from error
            return found
        return fresh

    async def _found(self) -> bytes | None:
        for copy in await self._shelf.copies(_PURPOSE):
            key = copy.document.get("key")
            if isinstance(key, str):
                return bytes.fromhex(key)
        return None
