"""One feed, mirrored: what the store held when it was last heard."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.domain.errors import Unavailable

logger = logging.getLogger("llmproxy.registry")

Item = TypeVar("Item")
LONGEST_PAUSE_S: Final = 5.0
"""Between two tries while the store is away: when it is back that is seen within seconds."""


@dataclass(frozen=True, slots=True)
class Difference(Generic[Item]):
    """What has changed in a mirror."""

    changed: tuple[Item, ...]
    gone: frozenset[str]

    def __bool__(self) -> bool:
        """Whether anything has."""
        return bool(self.changed or self.gone)


class Mirror(Generic[Item]):
    """Holds the items of one kind by id, in the order of the store.

    `version_of` tells two states of an item apart. An answer without any item never takes the place
    of one with some, unless `accept_empty` says so: an empty container is more often an accident
    (a restored backup, a wrong name, an expired right) than meant. Deletions that the feed tells of
    one by one are meant.
    """

    def __init__(
        self,
        kind: str,
        feed: Feed[Item],
        id_of: Callable[[Item], str],
        version_of: Callable[[Item], object],
        *,
        accept_empty: bool,
    ) -> None:
        self.kind = kind
        self.items: dict[str, Item] = {}
        self.faults: Mapping[str, str] = {}
        self.loaded = False
        """Whether the store has answered at least once."""
        self.away: str | None = None
        """Why the store could not be asked the last time."""
        self.emptied = False
        """Whether the store says that it is empty, which is not believed."""
        self.heard_at = 0.0
        """When the store answered last, in monotonic seconds."""
        self._feed = feed
        self._id_of = id_of
        self._version_of = version_of
        self._accept_empty = accept_empty
        self._next_look = 0.0
        self._next_reload = 0.0
        self._failures = 0

    @property
    def doubtful(self) -> bool:
        """Whether the store says from the start that it holds nothing, which nobody asked for."""
        return self.loaded and not self.items and not self._accept_empty

    def restore(self, items: Iterable[Item]) -> Difference[Item]:
        """Take these in place of the store, which has not been heard yet or is not believed."""
        self.items = {self._id_of(item): item for item in items}
        if self.loaded and self.items:
            self._disbelieve()
        return Difference(tuple(self.items.values()), frozenset())

    async def look(self, now: float, *, at_once: bool = False) -> Difference[Item]:
        """Ask the store if it is time to; `now` is in monotonic seconds.

        A store that is away leaves everything as it is: `away` says why.
        """
        if now < self._next_look and not at_once:
            return Difference((), frozenset())
        reload = not self.loaded or self.emptied or now >= self._next_reload
        try:
            news = await (self._feed.everything() if reload else self._feed.news())
        except Unavailable as error:
            self._failed(now, error)
            return Difference((), frozenset())
        self._heard(now, reload=reload)
        if news is None:
            return Difference((), frozenset())
        self._name(news.faults)
        return self._replaced(news) if reload else self._taken(news)

    def _failed(self, now: float, error: Unavailable) -> None:
        self._failures += 1
        pause_s = min(LONGEST_PAUSE_S, self._feed.look_every_s * 2 ** min(self._failures - 1, 8))
        self._next_look = now + pause_s
        reason = f"{error.message} {error.detail}".strip()
        if self.away is None:
            logger.warning("%s: the store is away, what is known stays: %s", self.kind, reason)
        self.away = reason

    def _heard(self, now: float, *, reload: bool) -> None:
        if self.away is not None:
            logger.warning("%s: the store is back", self.kind)
        self.away = None
        self.loaded = True
        self.heard_at = now
        self._failures = 0
        self._next_look = now + self._feed.look_every_s
        if reload:
            every_s = self._feed.reload_every_s
            self._next_reload = float("inf") if every_s is None else now + every_s

    def _name(self, faults: Mapping[str, str]) -> None:
        for name, reason in faults.items():
            if self.faults.get(name) != reason:
                logger.warning("%s: %s: %s", self.kind, name, reason)
        self.faults = faults

    def _replaced(self, news: News[Item]) -> Difference[Item]:
        found = {self._id_of(item): item for item in news.changed}
        emptied = bool(self.items) and not found and not self._accept_empty
        if emptied:
            self._disbelieve()
            return Difference((), frozenset())
        self.emptied = False
        before, self.items = self.items, found
        changed = tuple(item for id_, item in found.items() if self._differs(before.get(id_), item))
        return Difference(changed, frozenset(before.keys() - found.keys()))

    def _disbelieve(self) -> None:
        if not self.emptied:
            logger.error(
                "%s: the store holds none any more, which is not believed: %d stay. Register one, "
                "or start with ACCEPT_EMPTY_REGISTRY=on",
                self.kind,
                len(self.items),
            )
        self.emptied = True

    def _taken(self, news: News[Item]) -> Difference[Item]:
        gone = frozenset(id_ for id_ in news.gone if self.items.pop(id_, None) is not None)
        changed: dict[str, Item] = {}
        for item in news.changed:
            id_ = self._id_of(item)
            if self._differs(self.items.get(id_), item):
                self.items[id_] = changed[id_] = item
        return Difference(tuple(changed.values()), gone - changed.keys())

    def _differs(self, old: Item | None, new: Item) -> bool:
        return old is None or self._version_of(old) != self._version_of(new)
