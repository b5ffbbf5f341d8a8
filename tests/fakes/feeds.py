"""Feeds whose store is a dict, and that can be away."""

from collections.abc import Callable
from typing import Generic, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.domain.errors import Unavailable

Item = TypeVar("Item")


class FakeFeed(Feed[Item], Generic[Item]):
    """`told` is the next answer of `news`; `store` that of `everything`."""

    look_every_s = 1.0

    def __init__(
        self, id_of: Callable[[Item], str], *, reload_every_s: float | None = None
    ) -> None:
        self.reload_every_s = reload_every_s
        self.store: dict[str, Item] = {}
        self.told: News[Item] | None = None
        self.away = False
        self.asked: list[str] = []
        self._id_of = id_of

    def put(self, *items: Item) -> None:
        """Change the store, and have it told."""
        self.store |= {self._id_of(item): item for item in items}
        self.told = News(items)

    def remove(self, *ids: str) -> None:
        """Delete items, and have it told."""
        for id_ in ids:
            self.store.pop(id_)
        self.told = News(gone=ids)

    @override
    async def everything(self) -> News[Item]:
        self._ask("everything")
        self.told = None
        return News(tuple(self.store.values()))

    @override
    async def news(self) -> News[Item] | None:
        self._ask("news")
        told, self.told = self.told, None
        return told

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.away:
            raise Unavailable("The store is away.")
