"""Documents of one kind in one container: how they look there, and how they are found.

A document stands in its item as it was written, at the top, so that items written in the Azure
portal work too. Beside it are the fields of Cosmos DB (`_rid`, `_ts` …), one of ours that says when
it was registered, and in the container of keys and projects the `kind`.

A deleted document leaves a tombstone, which the change feed tells of: it has no other word for
deletions in mode LatestVersion. The service removes it by itself after a week where the container
has a default time to live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.infra.database.cosmos.account import CosmosAccount, Item
from llmproxy.infra.wire.document_text import document_etag, document_text

PAGE: Final = 500
TOMBSTONE_S: Final = 7 * 24 * 3600
REGISTERED: Final = "llmproxy_registered_at"
"""Unix seconds: documents are listed in the order of this."""
KIND: Final = "kind"
PROVIDER: Final = "provider"
_OF_COSMOS: Final = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})
"""learn.microsoft.com, "Databases, containers, and items in Azure Cosmos DB": properties of an
item; `_lsn` comes with the change feed only."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One item. An id may stand in several partitions, one copy in each."""

    id: str
    partition: str
    """What tells it from the copies in other partitions; for people too."""
    document: Mapping[str, Any]
    """Empty for a tombstone."""
    etag: str
    changed_at: int
    """Unix seconds."""
    registered_at: float
    deleted: bool

    @property
    def order(self) -> tuple[float, str]:
        """Where it stands in a list."""
        return (self.registered_at, self.id)

    @property
    def age(self) -> tuple[int, float, str]:
        """What the newest copy has most of."""
        return (self.changed_at, self.registered_at, self.partition)

    def stored(self) -> StoredDocument:
        """Return what the port speaks of."""
        return StoredDocument(self.id, self.document, self.etag, float(self.changed_at))


class Shelf:
    """All documents of a container, by provider; or with `kind` those of one partition of it."""

    def __init__(
        self, account: CosmosAccount, container: ContainerProxy, kind: str | None = None
    ) -> None:
        self.account = account
        self.container = container
        self.kind = kind

    @property
    def scope(self) -> dict[str, Any]:
        """What limits a query to this shelf."""
        return {} if self.kind is None else {"partition_key": self.kind}

    def copy(self, item: Item) -> Copy | None:
        """Read an item; None when it is none of this shelf's."""
        if self.kind is not None and item.get(KIND) != self.kind:
            return None
        deleted = item.get("deleted") is True
        ours = _OF_COSMOS | {REGISTERED} | ({KIND} if self.kind is not None else set())
        document = {name: value for name, value in item.items() if name not in ours}
        registered = item.get(REGISTERED)
        return Copy(
            str(item["id"]),
            self.partition(item),
            {} if deleted else document,
            str(item["_etag"]),
            int(item["_ts"]),
            float(registered) if isinstance(registered, int | float) else float(item["_ts"]),
            deleted,
        )

    def partition(self, document: Mapping[str, Any]) -> str:
        """Say which partition a document belongs to; no provider at all is one too."""
        if self.kind is not None:
            return self.kind
        return str(document[PROVIDER]) if PROVIDER in document else "(none)"

    def item(self, document: Mapping[str, Any], registered_at: float) -> Item:
        """Return how a document is written. Raises ValueError for one that cannot be kept."""
        if str(document["id"]).endswith(" "):
            raise ValueError("an id must not end in a blank: Azure Cosmos DB takes none that does")
        if self.kind is None and not isinstance(document.get(PROVIDER), str):
            raise ValueError(f"document {document['id']}: provider must be a text")
        if document.get("deleted") is True:
            raise ValueError(f'document {document["id"]}: "deleted": true means that it is not')
        document_text(document)
        written = {**document, REGISTERED: registered_at}
        return written if self.kind is None else {**written, KIND: self.kind}

    def tombstone(self, copy: Copy) -> Item:
        """Return what stands in the place of a deleted document."""
        item: Item = {"id": copy.id, "deleted": True, "ttl": TOMBSTONE_S}
        if self.kind is not None:
            return item | {KIND: self.kind}
        # A document without a provider has a partition too: the SDK finds it in the same way.
        return item | {name: copy.document[name] for name in (PROVIDER,) if name in copy.document}

    async def all(self) -> list[Copy]:
        """Return every item of the shelf, in no order."""
        return await self._query("SELECT * FROM c")

    async def copies(self, document_id: str) -> list[Copy]:
        """Return the items with this id, the newest first."""
        found = await self._query("SELECT * FROM c WHERE c.id = @it", document_id)
        return sorted(found, key=lambda copy: copy.age, reverse=True)

    async def with_digest(self, digest: str) -> list[Copy]:
        """Return the items with this digest, of which there should be one at most."""
        return await self._query("SELECT * FROM c WHERE c.digest = @it", digest)

    async def create(self, item: Item) -> Copy:
        """Write a new item. Raises Collided when there is one, even a tombstone."""
        return self._written(await self.account.write(lambda: self.container.create_item(item)))

    async def replace(self, item: Item, etag: str) -> Copy:
        """Write an item in place of the one with this etag. Raises Collided."""
        return self._written(
            await self.account.write(
                lambda: self.container.replace_item(
                    item["id"],
                    item,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            )
        )

    async def _query(self, text: str, value: str | None = None) -> list[Copy]:
        parameters: list[dict[str, object]] = [{"name": "@it", "value": value}]
        await self.account.know(self.container)
        pages = self.container.query_items(
            query=text,
            parameters=parameters if value is not None else [],
            max_item_count=PAGE,
            **self.scope,
        ).by_page()
        copies = map(self.copy, await self.account.gather(pages))
        return [copy for copy in copies if copy is not None]

    def _written(self, item: Mapping[str, Any]) -> Copy:
        copy = self.copy(dict(item))
        if copy is None:
            raise ValueError(f"the service answered with another kind of item: {self.kind}")
        return copy


def models_shelf(account: CosmosAccount) -> Shelf:
    """Hold the documents of models: the container that the description names."""
    return Shelf(account, account.models)


def projects_shelf(account: CosmosAccount) -> Shelf:
    """Hold the documents of projects."""
    return Shelf(account, account.keys, "project")


def keys_shelf(account: CosmosAccount) -> Shelf:
    """Hold the keys: digests only."""
    return Shelf(account, account.keys, "key")


def signing_keys_shelf(account: CosmosAccount) -> Shelf:
    """Hold the key that signs what clients carry."""
    return Shelf(account, account.keys, "signing_key")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two documents say the same, whatever the order of their fields.

    Cosmos DB keeps numbers as IEEE 754 doubles, so 1.0 comes back as 1 and 2**53 + 1 as 2**53.
    """
    return document_etag(_doubled(dict(one))) == document_etag(_doubled(dict(other)))


def _doubled(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _doubled(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_doubled(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
