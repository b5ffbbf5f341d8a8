"""Who is calling: what a key stands for, never the key itself."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from llmproxy.domain.limit import Limits


class Auth(StrEnum):
    """Who is let in without a key."""

    KEYS = "keys"
    """Nobody."""
    OPEN = "open"
    """Everybody."""
    LOCAL = "local"
    """This machine itself, and only as long as no key was ever made."""


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
    anonymous: bool = False
    """Nobody has shown who this is: it sees public models only and owns nothing."""
    tag: str | None = None
    """The project that an anonymous caller names for its usage; it opens nothing."""
    suspended: bool = False
    """The project of the key is suspended."""
    limits: Limits | None = None
    """Of this key."""
    project_limits: Limits | None = None
    """Of its project, all keys together."""


NO_KEY: Final = "none"
ANYONE: Final = Caller(NO_KEY, None, None, admin=False, expires_at=None, anonymous=True)
"""Who calls without a key where none is needed."""


def charged_project(key_id: str, project: str | None) -> str | None:
    """Return the project whose limits count a call of the ledger.

    Who calls without a key may name any project for its usage, and uses up nobody's budget by that.
    """
    return None if key_id == NO_KEY else project


def key_digest(key: bytes) -> bytes:
    """SHA-256 of a key, 32 bytes: what is stored and looked up instead of the key.

    A plain hash is enough because keys are 256 random bits: there is nothing to guess, so nothing
    that a slow password hash or a salt would protect, and one hash per request stays affordable.
    """
    return sha256(key).digest()
