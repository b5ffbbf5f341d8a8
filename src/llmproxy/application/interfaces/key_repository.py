"""Where keys are kept: their digests, never the keys."""

from abc import abstractmethod
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

from llmproxy.domain.caller import Caller
from llmproxy.domain.fields import Fields, Findings
from llmproxy.domain.limit import Limits, read_limits


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key. Times are unix seconds."""

    id: str
    digest: bytes
    """`domain.caller.key_digest` of the key, 32 bytes."""
    prefix: str
    """The first characters of the key, for people to recognise it by."""
    project: str | None
    models: frozenset[str] | None
    """Codes or ids it may use; None means all that its project sees."""
    admin: bool
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    replaces: str | None = None
    """Id of the key that this one was rotated from."""
    limits: Limits | None = None
    """Of this key alone."""

    def is_live(self, now: float) -> bool:
        """Whether it opens anything at this time: neither revoked nor expired."""
        revoked = self.revoked_at is not None and self.revoked_at <= now
        return not revoked and (self.expires_at is None or now < self.expires_at)

    def state(self, now: float) -> Literal["live", "expired", "revoked"]:
        """Return the word for it at this time."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if self.is_live(now) else "expired"

    def shown(self) -> dict[str, object]:
        """Return it as plain JSON values for people and programs, without its digest."""
        return {
            "id": self.id,
            "prefix": self.prefix,
            "project": self.project,
            "models": None if self.models is None else sorted(self.models),
            "admin": self.admin,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
            "replaces": self.replaces,
            "limits": None if self.limits is None else self.limits.document(),
        }

    def kept(self) -> dict[str, object]:
        """Return it as plain JSON values for stores and files: the digest is 64 hex digits.

        Without limits there is no word of them, so that versions that know none can read it.
        """
        kept = {"digest": self.digest.hex(), **self.shown()}
        if self.limits is None:
            del kept["limits"]
        return kept

    @property
    def etag(self) -> str:
        """32 hex digits that differ whenever the key's rights, times or limits do."""
        models = None if self.models is None else sorted(self.models)
        times = (self.created_at, self.expires_at, self.revoked_at)
        limits = () if self.limits is None else (self.limits.document(),)
        rights = (self.id, self.project, models, self.admin, *times, self.replaces, *limits)
        return sha256(repr(rights).encode()).hexdigest()[:32]

    def caller(self) -> Caller:
        """Return whom the key stands for; whether it is live is another question."""
        return Caller(
            self.id,
            self.project,
            self.models,
            self.admin,
            self.expires_at,
            limits=self.limits,
        )


def limits_kept(value: object) -> Limits | None:
    """Read the `limits` that `StoredKey.kept` has written. Raises ValueError naming the field."""
    findings = Findings()
    limits = read_limits(Fields({"limits": value}, "", findings), "limits")
    if findings.problems:
        raise ValueError("; ".join(problem.text for problem in findings.problems))
    return limits


class KeyExistsError(ValueError):
    """A key with this id or this digest is there already."""


class KeyMissingError(LookupError):
    """There is no key with this id."""


class KeyChangedError(ValueError):
    """The key is not as it was expected: somebody else has changed it."""


class KeyRepository(Protocol):
    """Keys by their id. They are never deleted, because the ledger names them.

    Every method raises `domain.errors.Unavailable` when the store is away for the moment.
    """

    @abstractmethod
    async def load_all(self) -> list[StoredKey]:
        """Return all keys, revoked and expired ones too, oldest first."""

    @abstractmethod
    async def get(self, key_id: str) -> StoredKey | None:
        """Return one key, None when there is none."""

    @abstractmethod
    async def add(self, key: StoredKey) -> None:
        """Keep a new key. Raises KeyExistsError."""

    @abstractmethod
    async def update(self, key: StoredKey, *, expected: StoredKey) -> None:
        """Keep a key in place of the one with the same id, which must be as expected.

        Id and digest stay what they are. Raises KeyMissingError or KeyChangedError.
        """

    @abstractmethod
    async def revoke(self, key_id: str, at: float) -> bool:
        """Mark a key revoked from this time on; False when there is none.

        A key that is revoked already keeps its first time.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store; closing twice is fine."""
