"""Seals: texts that a client carries, and that only this gateway can have made."""

from abc import abstractmethod
from typing import Protocol


class Sealing(Protocol):
    """Makes and opens seals, alike on every worker and after a restart.

    A seal is signed, not encrypted: whoever holds it can read what it says, nobody can change it.
    """

    @abstractmethod
    def seal(self, kind: str, payload: bytes) -> str:
        """Return a text of A-Z, a-z, 0-9, `-` and `_` that only `unseal` of this kind opens."""

    @abstractmethod
    def unseal(self, kind: str, text: str) -> bytes | None:
        """Return the payload, None for any text that `seal` did not make for this kind."""
