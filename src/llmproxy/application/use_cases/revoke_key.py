"""Revoking keys, at once and for good."""

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.key_repository import KeyRepository


class RevokeKey:
    """Takes a key out of use; its row stays, because the ledger names it."""

    def __init__(self, keys: KeyRepository, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def __call__(self, key_id: str) -> bool:
        """Revoke a key; False when there is none with this id. Raises Unavailable."""
        return await self._keys.revoke(key_id, self._clock.now())
