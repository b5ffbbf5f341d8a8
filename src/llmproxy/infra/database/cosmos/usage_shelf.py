"""The container of usage: how its items are found, written and read again."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast

from azure.core import MatchConditions
from azure.core.async_paging import AsyncPageIterator
from azure.cosmos.aio import ContainerProxy

from llmproxy.infra.database.cosmos.account import CosmosAccount, Item
from llmproxy.infra.database.cosmos.failures import Collided
from llmproxy.infra.database.cosmos.usage_item import item_of, part_of, partition_of
from llmproxy.infra.database.cosmos.usage_part import Part

PAGE: Final = 20
"""Parts of one answer: 20 of them are 640 KB, of the 4 MB that an answer may have ("Azure Cosmos DB
service quotas", learn.microsoft.com), and no more than that is in memory at a time."""


class UsageShelf:
    """Every method raises Unavailable when the account cannot be asked."""

    def __init__(self, account: CosmosAccount) -> None:
        self.account = account
        self.container: ContainerProxy = account.usage

    async def newest(self, source: str) -> Part:
        """Return the last part of a journal file, or the first one, not written yet."""
        text = "SELECT TOP 1 * FROM c WHERE c.partition = @partition ORDER BY c.number DESC"
        partition = partition_of(source)
        async for items in self.pages(text, {"@partition": partition}, partition=partition, most=1):
            if items:
                return part_of(items[0])
        return Part(source)

    async def write(self, part: Part) -> None:
        """Write a part as it is now. Raises Collided when it is another one there."""
        item, etag = item_of(part), part.etag
        written = await (self.create(item) if etag is None else self.replace(item, etag))
        part.etag, part.written_at = str(written["_etag"]), int(written["_ts"])

    async def create(self, item: Item) -> Mapping[str, Any]:
        """Write a new item. Raises Collided."""
        return await self.account.write(lambda: self.container.create_item(item))

    async def replace(self, item: Item, etag: str) -> Mapping[str, Any]:
        """Write an item in place of the one with this etag. Raises Collided."""
        return await self.account.write(
            lambda: self.container.replace_item(
                item["id"], item, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        )

    async def read(self, item_id: str, partition: str) -> Mapping[str, Any] | None:
        """Return one item, None when there is none."""
        try:
            return await self.account.write(
                lambda: self.container.read_item(item_id, partition_key=partition)
            )
        except Collided:
            return None

    async def pages(
        self,
        text: str,
        parameters: Mapping[str, object],
        *,
        partition: str | None = None,
        most: int = PAGE,
    ) -> AsyncIterator[list[Item]]:
        """Ask, and give what is found page by page; each page is a call."""
        pages = await self._ask(text, parameters, partition, None, most)
        while (page := await self.account.page(pages)) is not None:
            yield page

    async def page(
        self,
        text: str,
        parameters: Mapping[str, object],
        *,
        partition: str,
        after: str | None,
        most: int,
    ) -> tuple[list[Item], str | None]:
        """Return one page of at most so many items, and the position behind it, None at the end."""
        pages = await self._ask(text, parameters, partition, after, most)
        page = await self.account.page(pages)
        return page or [], pages.continuation_token

    async def _ask(
        self,
        text: str,
        parameters: Mapping[str, object],
        partition: str | None,
        after: str | None,
        most: int,
    ) -> AsyncPageIterator[Item]:
        await self.account.know(self.container)
        scope: dict[str, Any] = {} if partition is None else {"partition_key": partition}
        named: list[dict[str, object]] = [
            {"name": name, "value": value} for name, value in parameters.items()
        ]
        asked = self.container.query_items(
            query=text, parameters=named, max_item_count=most, **scope
        )
        return cast("AsyncPageIterator[Item]", asked.by_page(after))
