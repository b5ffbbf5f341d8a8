"""Where the key is kept that signs what clients carry: one per store, made once."""

from abc import abstractmethod
from typing import Protocol


class SigningKeyRepository(Protocol):
    """Every method raises `domain.errors.Unavailable` when the store is away for the moment."""

    @abstractmethod
    async def keep(self, fresh: bytes) -> bytes:
        """Return the key; `fresh` becomes it if there is none yet.

        Of several processes that start at once only one's key is kept, and all get that one.
        """
