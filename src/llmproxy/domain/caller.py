"""Who is calling: what a key stands for, never the key itself."""

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a valid key."""

    key_id: str
    project: str | None
    models: frozenset[str] | None
    """Codes or ids the key may use; None means all that its project sees."""
    admin: bool
    expires_at: float | None
    """Unix seconds; None means never."""


def key_digest(key: bytes) -> bytes:
    """SHA-256 of a key, 32 bytes: what is stored and looked up instead of the key.

    A plain hash is enough because keys are 256 random bits: there is nothing to guess, so nothing
    that a slow password hash or a salt would protect, and one hash per request stays affordable.
    """
    return sha256(key).digest()
