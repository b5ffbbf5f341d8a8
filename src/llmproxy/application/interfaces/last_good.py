"""The last state of the registry that was read, kept for when its store is away at the start."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey


@dataclass(frozen=True, slots=True)
class Held:
    """All that the store held at a time (unix seconds). Keys are digests, secrets references."""

    saved_at: float
    models: Sequence[StoredDocument]
    keys: Sequence[StoredKey]
    projects: Sequence[StoredDocument]


class LastGood(Protocol):
    """Keeps one state. What goes wrong is logged, never raised: it is the second choice already."""

    @abstractmethod
    async def load(self) -> Held | None:
        """Return the state that was saved last, None when there is none that can be trusted."""

    @abstractmethod
    async def save(self, held: Held) -> bool:
        """Keep this state in place of the last one; False when that failed."""
