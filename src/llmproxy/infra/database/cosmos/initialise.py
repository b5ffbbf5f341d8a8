"""Making the database and its containers, where that is allowed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.cosmos.account import (
    KEYS_PATH,
    MODELS_PATH,
    CosmosAccount,
    check_partition,
)
from llmproxy.infra.database.cosmos.failures import Collided, Rejected

_TTL_ON: Final = -1
"""Items live for ever unless they say otherwise, as tombstones do."""
INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/parameters/*"}, {"path": "/costs/*"}, {"path": '/"_etag"/?'}],
}
"""Nothing asks for what is left out, and writing costs less: "Indexing policies in Azure Cosmos
DB", learn.microsoft.com."""


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that is there now."""

    name: str
    new: bool
    remark: str = ""


async def initialise(account: CosmosAccount, *, throughput: int | None = None) -> list[Made]:
    """Make the database and both containers, each unless it is there.

    `throughput` are RU/s of the database, shared by its containers; None leaves that to the
    account, which is right for a serverless one. Raises StoreUnusableError with the commands to run
    where the identity may not, or where a container is there and does not fit; Unavailable.
    """
    place = account.place
    try:
        made = [await _database(account, throughput)]
        for container, path in ((account.models, MODELS_PATH), (account.keys, KEYS_PATH)):
            made.append(await _container(account, container, path))
    except Rejected as error:
        if error.status != 403:
            raise
        raise StoreUnusableError(
            f"{place.url} does not let this identity make databases and containers: with Entra ID "
            "only the control plane does. Somebody who may should run:\n" + commands(account)
        ) from error
    return made


def commands(account: CosmosAccount) -> str:
    """Return what makes the same with Azure's command line."""
    place = account.place
    name = (urlsplit(place.url).hostname or "").partition(".")[0]
    target = f"--account-name {name} --resource-group RESOURCE_GROUP"
    lines = [f"az cosmosdb sql database create {target} --name {place.database}"]
    lines += [
        f"az cosmosdb sql container create {target} --database-name {place.database} "
        f"--name {container} --partition-key-path {path} --ttl {_TTL_ON}"
        for container, path in ((place.models, MODELS_PATH), (place.keys, KEYS_PATH))
    ]
    return "\n".join(f"  {line}" for line in lines)


async def _database(account: CosmosAccount, throughput: int | None) -> Made:
    async def create() -> object:
        return await account.client.create_database(
            account.place.database, offer_throughput=throughput
        )

    name = f"database {account.place.database}"
    try:
        await account.write(account.database.read)
    except Collided:
        return Made(name, await _new(account, create))
    return Made(name, new=False)


async def _container(account: CosmosAccount, container: ContainerProxy, path: str) -> Made:
    async def create() -> object:
        return await account.database.create_container(
            container.id, PartitionKey(path), indexing_policy=INDEXING, default_ttl=_TTL_ON
        )

    name = f"container {container.id}"
    found = await account.properties(container)
    if found is None:
        return Made(name, await _new(account, create))
    check_partition(container.id, found, path)
    remark = "" if found.get("defaultTtl") else "has no default time to live: tombstones will stay"
    return Made(name, new=False, remark=remark)


async def _new(account: CosmosAccount, create: Callable[[], Awaitable[object]]) -> bool:
    try:
        await account.write(create)
    except Collided:
        return False  # somebody else was faster
    return True
