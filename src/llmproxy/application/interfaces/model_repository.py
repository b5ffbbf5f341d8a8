"""Where model documents are kept."""

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
class StoredModel:
    """One document as it was put. `etag` differs whenever the document does."""

    id: str
    document: Mapping[str, object]
    etag: str
    updated_at: float
    """Unix seconds of the last change."""


class ModelRepository(Protocol):
    """Model documents by their `id`.

    Every method raises `domain.errors.Unavailable` when the store is away for the moment.
    """

    @abstractmethod
    async def load_all(self) -> list[StoredModel]:
        """Return all documents in the order in which they were first put."""

    @abstractmethod
    async def get(self, model_id: str) -> StoredModel | None:
        """Return one document, None when there is none."""

    async def put(self, document: Mapping[str, object], *, at: float) -> Change:
        """Keep a checked document (its `id` is a string) in place of one with the same id."""
        return (await self.put_all([document], at=at))[0]

    @abstractmethod
    async def put_all(
        self, documents: Sequence[Mapping[str, object]], *, at: float
    ) -> list[Change]:
        """Keep all of these documents or, when that fails, none; one change for each of them."""

    @abstractmethod
    async def delete(self, model_id: str) -> bool:
        """Forget a document; False when there was none."""

    @abstractmethod
    async def version(self) -> int:
        """Return a number that grows whenever anybody, this process or another, changed the store.

        It may also grow without a change, and means nothing beyond this connection. Cheap enough
        to ask every second.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of the store; closing twice is fine."""
