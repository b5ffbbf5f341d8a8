"""How a running gateway follows its store: everything once, then only what is new."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class News(Generic[Item]):
    """What there is, or what is new since the last time.

    `changed` are items that were added or changed; an item may come although it is the same as
    before. `gone` are ids of items that somebody deleted; one that is unknown is no error. `faults`
    says by the name of what could not be read at all (a file, a row) why; it is complete each time:
    a fault that is not named any more is mended.
    """

    changed: Sequence[Item] = ()
    gone: Collection[str] = ()
    faults: Mapping[str, str] = field(default_factory=dict)


class Feed(Protocol[Item]):
    """One kind of item in one store, followed by one process.

    It remembers how far it has told. Not for use by several tasks at once. Both methods raise
    `domain.errors.Unavailable` when the store is away; nothing is skipped by that.
    """

    look_every_s: float
    """How often to ask for news: so seldom that it costs next to nothing, and at least every 2 s,
    so that a change is everywhere within 5."""
    reload_every_s: float | None
    """How often to ask for everything, because there are changes that `news` does not tell of; None
    where there are none."""

    @abstractmethod
    async def everything(self) -> News[Item]:
        """Return all items, in the order of the repository. What is not among them is gone."""

    @abstractmethod
    async def news(self) -> News[Item] | None:
        """Return what is new since the last answer of either method, None when nothing is.

        Where the position is lost (a log that was cut, an expired token) the answer is everything
        again, with the ids of all that is gone since.
        """


@dataclass(frozen=True, slots=True)
class Feeds:
    """All that the registry follows."""

    models: Feed[StoredDocument]
    keys: Feed[StoredKey]
    projects: Feed[StoredDocument]
