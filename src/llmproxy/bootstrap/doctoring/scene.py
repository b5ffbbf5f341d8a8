"""What the checks share: the settings, and the registry as the gateway would load it."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from typing import NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.response_ids import ResponseIds
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.registry_once import registry_once
from llmproxy.bootstrap.secrets import secret_chain
from llmproxy.bootstrap.store import FILE_NAME, open_store
from llmproxy.config import Settings
from llmproxy.domain.model import Model
from llmproxy.infra.database.sqlite.inspection import inspect
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.reaching import NotingClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Origin, Patience
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer

CONNECTIONS = 64


class NotLoaded(Exception):
    """The registry cannot be read; the check of the store says why."""


class Loaded(NamedTuple):
    """The registry, and the hosts that its deployments noted while they were built, by id."""

    snapshot: Snapshot
    noted: Mapping[str, set[Origin]]


class Scene:
    """Opened by whoever examines; the registry is loaded once, when a check asks for it first."""

    def __init__(self, settings: Settings, stack: AsyncExitStack, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.client = NotingClient(max_connections=CONNECTIONS, proxies=Proxies(settings.proxies))
        self.secrets = secret_chain(settings, clock)
        self.credentials = Credentials(self.secrets, settings.environment, clock)
        self._stack = stack
        self._loading: asyncio.Task[Loaded] | None = None
        stack.push_async_callback(self.client.close)
        stack.push_async_callback(self.secrets.close)
        stack.callback(self.credentials.close)
        stack.push_async_callback(self._stop)

    async def registry(self) -> Loaded:
        """Return the registry. Raises NotLoaded, or what hinders reading it."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        # Who gives up waiting does not end it for the others.
        return await asyncio.shield(self._loading)

    async def loaded(self) -> Loaded:
        """Return the registry. Raises NotLoaded for whatever hinders that."""
        try:
            return await self.registry()
        except Exception as error:
            raise NotLoaded from error

    async def _stop(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    def _where(self) -> Settings:
        """Return the settings under which nothing of this installation is written."""
        settings = self.settings
        if settings.registry.cosmos is None and (settings.data_dir / FILE_NAME).exists():
            return settings
        scratch = self._stack.enter_context(TemporaryDirectory(prefix="llmproxy-doctor-"))
        return replace(settings, data_dir=Path(scratch))

    async def _load(self) -> Loaded:
        settings = self.settings
        where = self._where()
        if where is settings and settings.registry.cosmos is None:
            path = settings.data_dir / FILE_NAME
            if not await in_thread(lambda: is_current(path), "sqlite"):
                raise NotLoaded  # to open it would change it
        store = await open_store(where)
        self._stack.push_async_callback(store.close)
        long_tail = LongTail(self.secrets, lambda: None)
        self._stack.callback(long_tail.close)
        patience = Patience(1.0, 1.0, 1.0, None)
        ids = ResponseIds(Signer(token_bytes(KEY_BYTES)))
        catalogue = Catalogue(self.client, self.credentials, patience, ids, long_tail)
        noted: dict[str, set[Origin]] = {}

        def build(model: Model, created: int) -> Deployment:
            noted[model.id] = self.client.noting()
            return catalogue.deployment(model, created)

        registry = await registry_once(settings, store, build, self.secrets, long_tail)
        self.client.noting()
        return Loaded(registry.snapshot, noted)


def is_current(path: Path) -> bool:
    """Whether a file is a store of ours with the newest schema, by its head; waits for the disk."""
    try:
        seen = inspect(path, every_page=False)
    except sqlite3.Error:
        return False
    return seen.ours and seen.version == seen.newest
