"""The one client of a process, and the bounds of every call.

The limits were measured with azure-cosmos 4.17.1: its `timeout` of a call is looked at between
tries only, so that a silent server holds it for the 65 s of its own `read_timeout`; writes that
fail with 449, 408 or 500 are not tried again by the SDK.
"""

import asyncio
import base64
import binascii
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, Self, TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ServiceResponseError
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError
from typing_extensions import override

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.domain.secret import Secret
from llmproxy.infra.database.cosmos.failures import AWAY, Collided, collision, unavailable
from llmproxy.infra.database.cosmos.transport import CountingTransport, Counts, Transport

logger = logging.getLogger("llmproxy.registry")

Result = TypeVar("Result")
Item = dict[str, Any]

CALL_TIMEOUT_S: Final = 5.0
"""For one call with all its retries; a page of a longer answer is a call."""
READ_TIMEOUT_S: Final = 3.0
CONNECT_TIMEOUT_S: Final = 2.0
_RETRIES: Final = 3
_THROTTLE_WAIT_S: Final = 4
_WRITE_PAUSES_S: Final = (0.05, 0.2, 0.6)
_WRITE_AGAIN: Final = frozenset({408, 410, 449, 500, 503})
"""449 (two writers at once) and the rest: see the SDK's docs/ErrorCodesAndRetries.md. A write that
may have been done already is recognised afterwards by what it wrote."""
MODELS_PATH: Final = "/provider"
KEYS_PATH: Final = "/kind"
USAGE_PATH: Final = "/partition"


class CosmosPlace(NamedTuple):
    """Where registry and ledger are; without a key Entra ID lets the gateway in."""

    url: str
    key: Secret | None
    database: str
    models: str
    keys: str
    usage: str = "usage"


class CosmosAccount:
    """Database and containers of one account. Nothing is asked before the first call."""

    def __init__(
        self,
        place: CosmosPlace,
        client: CosmosClient,
        transport: CountingTransport,
        credential: AsyncTokenCredential | None,
    ) -> None:
        self.place = place
        self.client = client
        self.database: DatabaseProxy = client.get_database_client(place.database)
        self.models: ContainerProxy = self.database.get_container_client(place.models)
        self.keys: ContainerProxy = self.database.get_container_client(place.keys)
        self.usage: ContainerProxy = self.database.get_container_client(place.usage)
        self._transport = transport
        self._credential = credential
        self._entering = asyncio.Lock()
        self._entered = False
        self._known: set[str] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        place: CosmosPlace,
        *,
        credential: AsyncTokenCredential | None = None,
        transport: Transport | None = None,
    ) -> Self:
        """Make the client, in a thread: its TLS context alone takes 100 ms.

        `credential` and `transport` take the place of Entra ID's and of the network. Raises
        StoreUnusableError when the key cannot be one.
        """
        counting = CountingTransport(transport)
        if place.key is None and credential is None:
            credential = await asyncio.to_thread(_default_credential)
        opener = credential if place.key is None else _checked(place.key)
        if opener is None:
            raise ValueError("neither a key nor a credential")
        client = await asyncio.to_thread(_client, place.url, opener, counting)
        return cls(place, client, counting, credential)

    @override
    def __repr__(self) -> str:
        return f"CosmosAccount({self.place.url}, {self.place.database})"

    @property
    def url(self) -> str:
        """Where the account is, for messages."""
        return self.place.url

    @property
    def containers(self) -> tuple[tuple[ContainerProxy, str], ...]:
        """All of them, each with the path of its partition key."""
        return (
            (self.models, MODELS_PATH),
            (self.keys, KEYS_PATH),
            (self.usage, USAGE_PATH),
        )

    def counts(self) -> Counts:
        """Return what was asked and what it cost."""
        return self._transport.counts()

    async def check(self) -> None:
        """See that all containers are there and fit.

        Raises StoreUnusableError when one is missing or partitioned otherwise, Unavailable when
        the account cannot be asked now.
        """
        for container, path in self.containers:
            found = await self.properties(container)
            if found is None:
                raise StoreUnusableError(
                    f"{self.url} has no container {container.id} in a database "
                    f"{self.place.database}: run `llmproxy registry init`"
                )
            check_partition(container.id, found, path)

    async def properties(self, container: ContainerProxy) -> Mapping[str, Any] | None:
        """Return the properties of a container, None when it or its database is missing."""
        try:
            return await self.write(container.read)
        except Collided:
            return None

    async def call(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run one reading call within its time. Raises Unavailable."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self._enter()
                return await work()
        except AWAY as error:
            raise unavailable(error, self.url) from error

    async def write(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run one writing call, again a few times where that can help, within its time.

        Raises Collided or Unavailable, and ValueError for what is too large.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self._enter()
                return await _persistently(work)
        except CosmosHttpResponseError as error:
            if collision(error):
                raise Collided from error
            if error.status_code == 413:
                raise ValueError("larger than an item of Azure Cosmos DB may be (2 MB)") from error
            raise unavailable(error, self.url) from error
        except AWAY as error:
            raise unavailable(error, self.url) from error

    async def know(self, container: ContainerProxy) -> None:
        """See that the client knows a container: a paged question must not begin before.

        The SDK makes coroutines when it is asked for pages, some of which nobody awaits when the
        first of them, which reads the container, fails.
        """
        if container.id not in self._known:
            await self.call(container.read)
            self._known.add(container.id)

    async def gather(self, pages: AsyncIterator[AsyncIterator[Item]]) -> list[Item]:
        """Return the items of all pages; each page is a call. To be called after `know`."""
        items: list[Item] = []
        while (page := await self.page(pages)) is not None:
            items.extend(page)
        return items

    async def page(self, pages: AsyncIterator[AsyncIterator[Item]]) -> list[Item] | None:
        """Return the next page, None after the last. To be called after `know`."""
        return await self.call(lambda: _next(pages))

    async def close(self) -> None:
        """Close the client; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        await self.client.close()
        if self._credential is not None:
            await self._credential.close()

    async def _enter(self) -> None:
        """Learn of the account's regions and consistency; tried again as long as it fails."""
        if self._entered:
            return
        async with self._entering:
            if not self._entered:
                await self.client.__aenter__()
                self._entered = True


def check_partition(name: str, properties: Mapping[str, Any], path: str) -> None:
    """See that a container is partitioned as it must be. Raises StoreUnusableError."""
    paths = (properties.get("partitionKey") or {}).get("paths")
    if paths != [path]:
        raise StoreUnusableError(
            f"container {name} is partitioned by {paths}, not by {path}: name another one "
            "(COSMOS_CONTAINER_ID, COSMOS_KEYS_CONTAINER_ID, COSMOS_USAGE_CONTAINER_ID) and run "
            "`llmproxy registry init`"
        )


def _checked(key: Secret) -> str:
    try:
        base64.b64decode(key.expose(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StoreUnusableError(
            "COSMOS_KEY is no key of Azure Cosmos DB: those are written in base64"
        ) from error
    return key.expose()


def _client(
    url: str, opener: str | AsyncTokenCredential, transport: CountingTransport
) -> CosmosClient:
    return CosmosClient(
        url,
        credential=opener,
        transport=transport,
        connection_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retry_total=_RETRIES,
        retry_throttle_total=_RETRIES,
        retry_throttle_backoff_max=_THROTTLE_WAIT_S,
    )


def _default_credential() -> AsyncTokenCredential:
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - 150 ms, not with a key

    return DefaultAzureCredential()


async def _persistently(work: Callable[[], Awaitable[Result]]) -> Result:
    for pause_s in _WRITE_PAUSES_S:
        try:
            return await work()
        except CosmosHttpResponseError as error:
            if error.status_code not in _WRITE_AGAIN:
                raise
        except ServiceResponseError as error:
            # The connection broke after the request was sent.
            logger.info("a write to Cosmos DB is sent again: %s", type(error).__name__)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    return await work()


async def _next(pages: AsyncIterator[AsyncIterator[Item]]) -> list[Item] | None:
    try:
        page = await anext(pages)
    except StopAsyncIteration:
        return None
    return [item async for item in page]
