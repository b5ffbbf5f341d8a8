"""Making the database and its containers, where that is allowed."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.infra.database.cosmos.account import CosmosAccount, check_partition
from llmproxy.infra.database.cosmos.failures import Collided, Rejected

_TTL_ON: Final = -1
"""Items live for ever unless they say otherwise, as tombstones and single calls do."""
INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/parameters/*"}, {"path": "/costs/*"}, {"path": '/"_etag"/?'}],
}
"""Nothing asks for what is left out, and writing costs less: "Indexing policies in Azure Cosmos
DB", learn.microsoft.com."""
USAGE_INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "includedPaths": [
        {"path": f"/{field}/?"}
        for field in ("partition", "kind", "number", "folded", "first", "last")
    ]
    + [{"path": f"/{field}/?"} for field in ("at", "project", "key", "model", "tags/[]")],
    "excludedPaths": [{"path": "/*"}],
}
"""What is asked of sums, then of single calls. All else, most of each item, is left out."""


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that is there now."""

    name: str
    new: bool
    remark: str = ""


async def initialise(account: CosmosAccount, *, throughput: int | None = None) -> list[Made]:
    """Make the database and its containers, each unless it is there.

    `throughput` are RU/s of the database, shared by its containers; None leaves that to the
    account, which is right for a serverless one. Raises StoreUnusableError with the commands to run
    where the identity may not, or where a container is there and does not fit; Unavailable.
    """
    place = account.place
    try:
        made = [await _database(account, throughput)]
        for container, path in account.containers:
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
        f"--name {container.id} --partition-key-path {path} --ttl {_TTL_ON}"
        for container, path in account.containers
    ]
    # Without it every field is indexed, and what is written every second is mostly fields.
    lines[-1] += f" --idx '{json.dumps(USAGE_INDEXING)}'"
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
    policy = USAGE_INDEXING if container is account.usage else INDEXING

    async def create() -> object:
        return await account.database.create_container(
            container.id, PartitionKey(path), indexing_policy=policy, default_ttl=_TTL_ON
        )

    name = f"container {container.id}"
    found = await account.properties(container)
    if found is None:
        return Made(name, await _new(account, create))
    check_partition(container.id, found, path)
    return Made(name, new=False, remark=_remark(account, container, found))


def _remark(account: CosmosAccount, container: ContainerProxy, found: Mapping[str, Any]) -> str:
    if found.get("defaultTtl"):
        return ""
    stay = "single calls" if container is account.usage else "tombstones"
    return f"has no default time to live: {stay} will stay"


async def _new(account: CosmosAccount, create: Callable[[], Awaitable[object]]) -> bool:
    try:
        await account.write(create)
    except Collided:
        return False  # somebody else was faster
    return True
