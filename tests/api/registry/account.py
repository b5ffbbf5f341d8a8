"""Cosmos DB's emulator for the servers of this folder, and a hand in it past all of them."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from typing_extensions import override

from tests.api.gateway import run
from tests.api.registry.story import Store
from tests.api.registry.truth import EVERYWHERE_WITHIN_S
from tests.emulator.running import Emulator, emulator, require

TLS_IS_NOT_CHECKED = pytest.mark.filterwarnings(
    "ignore:Unverified HTTPS request is being made to host '127.0.0.1':Warning"
)
"""The SDK checks no certificate on loopback by itself, and says so."""
DATABASE = "llm-proxy"
RELOAD_S = 3.0


@contextmanager
def account(folder: Path) -> Iterator[tuple[Emulator, dict[str, str]]]:
    """Run one with database and containers, and give the settings that lead to it.

    Skips the test where it cannot run; fails it in CI.
    """
    require()
    with emulator() as running:
        settings = {
            "COSMOS_URL": running.url,
            "COSMOS_KEY": running.key,
            "REGISTRY_RELOAD_S": str(RELOAD_S),
        }
        environment = {
            "PATH": os.environ["PATH"],
            "LLMPROXY_DATA_DIR": str(folder / "command-line"),
            **settings,
        }
        run(environment, "registry", "init")
        yield running, settings


class CosmosStore(Store):
    """The containers, written by somebody else."""

    deletions_told_within_s = EVERYWHERE_WITHIN_S + RELOAD_S

    def __init__(self, running: Emulator) -> None:
        database = CosmosClient(running.url, credential=running.key).get_database_client(DATABASE)
        self._models = database.get_container_client("models")
        self._keys = database.get_container_client("keys")
        self._hand = ThreadPoolExecutor(1)

    @override
    async def put(self, document: dict[str, Any]) -> None:
        await self._run(self._models.upsert_item, document)

    @override
    async def delete(self, document: dict[str, Any]) -> None:
        await self._run(self._delete, self._models, document["id"], document["provider"])

    async def forget_key(self, key_id: str) -> None:
        """Delete a key without a trace."""
        await self._run(self._delete, self._keys, key_id, "key")

    async def empty(self) -> None:
        """Delete every item of every kind without a trace."""
        await self._run(self._empty)

    def close(self) -> None:
        """Be done with it."""
        self._hand.shutdown()

    async def _run(self, work: Callable[..., object], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._hand, work, *arguments)

    @staticmethod
    def _delete(container: ContainerProxy, item_id: str, partition: str) -> None:
        container.delete_item(item_id, partition_key=partition)

    def _empty(self) -> None:
        for container, partition in ((self._models, "provider"), (self._keys, "kind")):
            query = "SELECT * FROM c"
            for item in list(container.query_items(query, enable_cross_partition_query=True)):
                self._delete(container, item["id"], item[partition])


@contextmanager
def hand_in(running: Emulator) -> Iterator[CosmosStore]:
    """Open the containers past every gateway."""
    store = CosmosStore(running)
    try:
        yield store
    finally:
        store.close()
