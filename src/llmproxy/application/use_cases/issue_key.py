"""Issuing keys: the key is shown once, only its digest is kept."""

import secrets
from typing import Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.key_repository import KeyRepository, StoredKey
from llmproxy.domain.caller import key_digest
from llmproxy.domain.secret import Secret

KEY_START: Final = "sk-llmproxy-"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_SHOWN: Final = 4
"""Random characters shown in lists: 24 of the 256 bits, enough to recognise a key by."""


class IssuedKey(NamedTuple):
    """A new key and what is kept of it."""

    key: Secret
    stored: StoredKey


class IssueKey:
    """Makes keys of 256 random bits."""

    def __init__(self, keys: KeyRepository, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def __call__(
        self,
        *,
        project: str | None,
        models: frozenset[str] | None = None,
        admin: bool = False,
        expires_at: float | None = None,
    ) -> IssuedKey:
        """Make a key for a project. `expires_at` is in unix seconds.

        Raises:
            ValueError: when it would be useless from the start: expired, or for no model at all.
            Unavailable: when the store is away.

        """
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise ValueError("the key would be expired already")
        if models is not None and not models:
            raise ValueError("a key for no model at all opens nothing")
        key = KEY_START + secrets.token_urlsafe(_KEY_BYTES)
        stored = StoredKey(
            id=f"key_{secrets.token_hex(_ID_BYTES)}",
            digest=key_digest(key.encode()),
            prefix=key[: len(KEY_START) + _SHOWN],
            project=project,
            models=models,
            admin=admin,
            created_at=now,
            expires_at=expires_at,
        )
        await self._keys.add(stored)
        return IssuedKey(Secret(key), stored)
