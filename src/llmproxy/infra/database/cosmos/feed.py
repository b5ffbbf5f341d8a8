"""Following a shelf by the change feed, in mode LatestVersion.

It tells of every item that was created or changed since a position, once, as it is now; from the
beginning that is everything there is. So the first reading takes everything and the position behind
it in one go, and no change can fall between the two. What it does not tell of are items that are
really deleted: ours become tombstones, and those removed in the portal are missed by the next
reading from the beginning.
"""

import random
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar, cast

from azure.core.async_paging import AsyncPageIterator
from typing_extensions import override

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.feed import Feed, News
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.infra.database.cosmos.account import Item
from llmproxy.infra.database.cosmos.failures import Rejected
from llmproxy.infra.database.cosmos.shelf import PAGE, Copy, Shelf
from llmproxy.infra.database.cosmos.stored_key import key_of

Followed = TypeVar("Followed")

LOOK_EVERY_S: Final = 2.0
_LOST: Final = frozenset({400, 410})
"""The position is not known (any more): a restored container, a token of another one."""

Copies = dict[str, dict[str, Copy]]
"""What lives, by id and partition: almost always one per id."""


class PositionLost(Exception):
    """The feed cannot go on from where it was."""


class CosmosFeed(Feed[Followed], Generic[Followed]):
    """Follows one shelf; `read` makes an item of a copy, or says in a ValueError why it cannot."""

    look_every_s = LOOK_EVERY_S

    def __init__(
        self, shelf: Shelf, read: Callable[[Copy], Followed], *, reload_every_s: float
    ) -> None:
        # Not all workers and replicas at the same time.
        self.reload_every_s: float | None = reload_every_s * random.uniform(0.8, 1)  # noqa: S311
        self._shelf = shelf
        self._read = read
        self._position: str | None = None
        self._copies: Copies = {}
        self._faults: dict[str, str] = {}

    @override
    async def everything(self) -> News[Followed]:
        items, position = await self._since(None)
        copies: Copies = {}
        faults: dict[str, str] = {}
        for copy in items:
            _take(copies, copy)
        newest = sorted(map(_newest, copies.values()), key=lambda copy: copy.order)
        changed = self._readable(newest, copies, faults)
        self._copies, self._faults, self._position = copies, faults, position
        return News(list(changed.values()), (), dict(faults))

    @override
    async def news(self) -> News[Followed] | None:
        try:
            items, position = await self._since(self._position)
        except PositionLost:
            before = set(self._copies)
            whole = await self.everything()
            return News(whole.changed, before - set(self._copies), whole.faults)
        self._position = position
        if not items:
            return None
        for copy in items:
            _take(self._copies, copy)
        touched = {copy.id: None for copy in items}
        for document_id in touched:
            self._faults.pop(document_id, None)
        newest = [_newest(self._copies[each]) for each in touched if each in self._copies]
        newest.sort(key=lambda copy: copy.order)
        changed = self._readable(newest, self._copies, self._faults)
        # One that cannot be read is gone: a key that nobody understands must not open anything.
        return News(list(changed.values()), touched.keys() - changed.keys(), dict(self._faults))

    async def _since(self, position: str | None) -> tuple[list[Copy], str | None]:
        """Return what was written after a position (None: the beginning), and the new position."""
        # The token holds the partition and where it began; the SDK takes both or the token.
        start: dict[str, Any] = (
            {"start_time": "Beginning", **self._shelf.scope}
            if position is None
            else {"continuation": position}
        )
        await self._shelf.account.know(self._shelf.container)
        try:
            pages = cast(
                "AsyncPageIterator[Item]",
                self._shelf.container.query_items_change_feed(
                    max_item_count=PAGE, **start
                ).by_page(),
            )
            items = await self._shelf.account.gather(pages)
        except Rejected as error:
            if position is not None and error.status in _LOST:
                raise PositionLost from error
            raise
        except ValueError as error:
            # The container was made anew: "Invalid continuation: [Mismatch collection rid]".
            if position is not None:
                raise PositionLost from error
            raise
        # An answer without news brings no token: losing the old one would mean to begin anew.
        copies = map(self._shelf.copy, items)
        return [copy for copy in copies if copy is not None], pages.continuation_token or position

    def _readable(
        self, newest: Iterable[Copy], copies: Copies, faults: dict[str, str]
    ) -> dict[str, Followed]:
        read: dict[str, Followed] = {}
        for copy in newest:
            if len(copies[copy.id]) > 1:
                faults[copy.id] = _twice(copy, copies[copy.id])
            try:
                read[copy.id] = self._read(copy)
            except ValueError as error:
                faults[copy.id] = f"the item cannot be read: {error}"
        return read


def documents_feed(shelf: Shelf, *, reload_every_s: float) -> CosmosFeed[StoredDocument]:
    """Follow documents."""
    return CosmosFeed(shelf, lambda copy: copy.stored(), reload_every_s=reload_every_s)


def keys_feed(shelf: Shelf, *, reload_every_s: float) -> CosmosFeed[StoredKey]:
    """Follow keys; one that cannot be read opens nothing."""
    return CosmosFeed(shelf, lambda copy: key_of(copy.document), reload_every_s=reload_every_s)


def _take(copies: Copies, copy: Copy) -> None:
    places = copies.setdefault(copy.id, {})
    if copy.deleted:
        places.pop(copy.partition, None)
    else:
        places[copy.partition] = copy
    if not places:
        del copies[copy.id]


def _newest(places: dict[str, Copy]) -> Copy:
    return max(places.values(), key=lambda copy: copy.age)


def _twice(newest: Copy, places: dict[str, Copy]) -> str:
    others = " and ".join(sorted(place for place in places if place != newest.partition))
    return (
        f"stands twice: the one of provider {newest.partition}, changed last, counts; "
        f"remove the one of {others}"
    )
