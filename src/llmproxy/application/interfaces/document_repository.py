"""Where documents are kept: those of models, and those of projects."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Change(StrEnum):
    """What putting a document did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One document as it was put. `etag` differs whenever the document does.

    It is the store's own word: opaque, compared and never read. The fields that a store adds for
    itself (Cosmos DB's `_ts`, `_etag` …) are not in `document`.
    """

    id: str
    document: Mapping[str, object]
    etag: str
    updated_at: float
    """Unix seconds of the last change."""


class DocumentExistsError(ValueError):
    """There is a document with this id already."""


class DocumentMissingError(LookupError):
    """There is no document with this id."""


class DocumentChangedError(ValueError):
    """The document is not the one whose etag was given: somebody else has changed it."""


class ReadOnlyError(ValueError):
    """Documents cannot be changed here; the message says where they can."""


class DocumentRepository(Protocol):
    """Documents by their `id`, a string; they are checked before they come here.

    Every method raises `domain.errors.Unavailable` when the store is away for the moment, and every
    writing one ReadOnlyError where documents come from files.
    """

    @abstractmethod
    async def load_all(self) -> list[StoredDocument]:
        """Return all documents in the order in which they were first put."""

    @abstractmethod
    async def get(self, document_id: str) -> StoredDocument | None:
        """Return one document, None when there is none."""

    @abstractmethod
    async def create(self, document: Mapping[str, object], *, at: float) -> StoredDocument:
        """Keep a new document. Raises DocumentExistsError."""

    @abstractmethod
    async def replace(
        self, document: Mapping[str, object], *, at: float, etag: str
    ) -> StoredDocument:
        """Keep a document in place of the one with the same id that has this etag.

        Raises DocumentMissingError or DocumentChangedError.
        """

    async def put(self, document: Mapping[str, object], *, at: float) -> Change:
        """Keep a document, in place of one with the same id if there is one."""
        return (await self.put_all([document], at=at))[0]

    @abstractmethod
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        """Keep all of these documents; one change for each of them.

        None of them when one cannot be written as JSON (ValueError). When the store goes away in
        the middle some may be kept, where it knows no transaction over all of them (Cosmos DB): to
        put them again does no harm.
        """

    @abstractmethod
    async def delete(self, document_id: str, *, etag: str | None = None) -> bool:
        """Forget a document; False when there is none.

        Raises DocumentChangedError when an etag is given and the document has another.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store; closing twice is fine."""
