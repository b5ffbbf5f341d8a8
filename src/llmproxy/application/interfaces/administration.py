"""What administrators do, whether over HTTP or from the command line, here or at a distance.

Every method raises a `GatewayError`: Unavailable when the store is away, UnknownItem (404) for an
id that nobody knows, InvalidRequest (400) naming the field that does not fit, AlreadyExists (409),
EtagMismatch (412) when an etag is given that is not the present one, ReadOnly (409) where documents
come from files, LimitsNeedRedis (409) for limits that could not be counted.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.document_repository import Change, StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.secret import Secret

Document = Mapping[str, object]


class Kept(NamedTuple):
    """A document as it is now, with what is probably not meant so."""

    stored: StoredDocument
    warnings: tuple[str, ...]


class Put(NamedTuple):
    """What putting one document of many did, or would do."""

    id: str
    change: Change
    before: Document | None
    warnings: tuple[str, ...]


class ModelAdministration(Protocol):
    """Model documents, checked by `domain.document.parse_model` before they are kept."""

    @abstractmethod
    async def every(self) -> list[StoredDocument]:
        """Return all documents, those that cannot be used too."""

    @abstractmethod
    async def get(self, model_id: str) -> StoredDocument:
        """Return one document."""

    @abstractmethod
    async def create(self, document: Document) -> Kept:
        """Keep a new document."""

    @abstractmethod
    async def replace(self, document: Document, *, etag: str | None) -> Kept:
        """Keep a document in place of the one with the same id."""

    @abstractmethod
    async def patch(self, model_id: str, patch: Document, *, etag: str | None) -> Kept:
        """Change fields of a document: a JSON Merge Patch (RFC 7396; null removes a field)."""

    @abstractmethod
    async def put_all(self, documents: Sequence[Document], *, dry_run: bool) -> list[Put]:
        """Keep all of these documents or, when one is not good, none; with `dry_run` only look."""

    @abstractmethod
    async def remove(self, model_id: str, *, etag: str | None) -> None:
        """Forget a document."""


class IssuedKey(NamedTuple):
    """A new key, shown once, and what is kept of it."""

    key: Secret
    stored: StoredKey


class KeyAdministration(Protocol):
    """Keys. Times are unix seconds."""

    @abstractmethod
    async def every(self) -> list[StoredKey]:
        """Return all keys, revoked and expired ones too, oldest first."""

    @abstractmethod
    async def get(self, key_id: str) -> StoredKey:
        """Return one key."""

    @abstractmethod
    async def issue(
        self,
        *,
        project: str | None,
        models: frozenset[str] | None,
        admin: bool,
        expires_at: float | None,
        limits: Document | None = None,
    ) -> IssuedKey:
        """Make a key of 256 random bits. Only an admin key can do without a project.

        `limits` are in the words of `domain.limit`.
        """

    @abstractmethod
    async def patch(self, key_id: str, patch: Document, *, etag: str | None) -> StoredKey:
        """Change `models`, `expires_at` or `limits` of a key that is not revoked (RFC 7396)."""

    @abstractmethod
    async def rotate(self, key_id: str, *, grace_s: float) -> IssuedKey:
        """Make a new key with the rights of this one, which stays valid for `grace_s` seconds."""

    @abstractmethod
    async def revoke(self, key_id: str) -> StoredKey:
        """Take a key out of use, at once and for good; a second time changes nothing."""


class ProjectFigures(NamedTuple):
    """A project, with how many keys are its own and live, and how many models are private to it.

    `stored` is None for a project without a document of its own.
    """

    id: str
    stored: StoredDocument | None
    live_keys: int
    private_models: int


class ProjectAdministration(Protocol):
    """Projects: those with a document, and those that only keys or models name."""

    @abstractmethod
    async def every(self) -> list[ProjectFigures]:
        """Return all projects, by id."""

    @abstractmethod
    async def get(self, project_id: str) -> ProjectFigures:
        """Return one project."""

    @abstractmethod
    async def put(self, document: Document, *, etag: str | None) -> ProjectFigures:
        """Keep a project's document, new or in place of the one with the same id."""

    @abstractmethod
    async def patch(self, project_id: str, patch: Document, *, etag: str | None) -> ProjectFigures:
        """Change fields of a project's document, which is made if need be (RFC 7396)."""

    @abstractmethod
    async def remove(self, project_id: str, *, etag: str | None) -> None:
        """Forget a project's document. Refused (409) while a live key belongs to it."""


class Administration(NamedTuple):
    """All of it, for one actor."""

    models: ModelAdministration
    keys: KeyAdministration
    projects: ProjectAdministration
