"""Administration for the command line: over the store, or over HTTP at a running gateway."""

import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from typing_extensions import override

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor, Audit
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.counting import Counting
from llmproxy.application.interfaces.model_directory import ModelDirectory
from llmproxy.application.interfaces.usage_ledger import (
    Dimension,
    Filter,
    RowPage,
    UsageLedger,
)
from llmproxy.application.interfaces.usage_reading import Report, UsageReading
from llmproxy.application.use_cases.administer_keys import AdministerKeys
from llmproxy.application.use_cases.administer_models import AdministerModels
from llmproxy.application.use_cases.administer_projects import AdministerProjects
from llmproxy.application.use_cases.guard_limits import guarded
from llmproxy.application.use_cases.look_up_models import LookUpModels
from llmproxy.application.use_cases.read_usage import ReadUsage
from llmproxy.bootstrap.store import Store, open_store
from llmproxy.bootstrap.workers import CountedByStore
from llmproxy.config import SettingError, Settings
from llmproxy.infra.telemetry.clock import SystemClock

AUDIT_FOLDER = "audit"


class Office(NamedTuple):
    """What administrators work with, wherever the registry is."""

    administration: Administration
    usage: UsageReading
    directory: ModelDirectory
    clock: Clock
    environment: Mapping[str, str]
    """What documents may name variables of; empty at a gateway, which has an environment itself."""
    explain: Callable[[bytes], Awaitable[bytes]] | None
    """What `POST /admin/explain` does, where a gateway is asked; None over a store."""

    @property
    def remote(self) -> bool:
        """Whether a running gateway is asked."""
        return self.explain is not None


def actor_here() -> Actor:
    """Return who is at the command line, by the name of the process's user."""
    uid = os.getuid()
    try:
        return Actor(f"cli:{pwd.getpwuid(uid).pw_name}")
    except KeyError:
        return Actor(f"cli:uid {uid}")


def audit_of(settings: Settings, clock: Clock) -> Audit:
    """Return the audit of this data folder."""
    from llmproxy.infra.telemetry.audit_log import AuditLog  # noqa: PLC0415 - only for changes

    return AuditLog(settings.data_dir / AUDIT_FOLDER, clock)


def administration_of(
    store: Store, settings: Settings, audit: Audit, actor: Actor, counting: Counting | None = None
) -> Administration:
    """Return administration over a store, in the name of somebody.

    `counting` is a worker's own; whoever is none looks at the workers of the data folder.
    """
    clock = store.clock
    administration = Administration(
        AdministerModels(store.models, clock, audit, actor, settings.environment),
        AdministerKeys(store.keys, clock, audit, actor),
        AdministerProjects(store.projects, store.keys, store.models, clock, audit, actor),
    )
    return guarded(administration, counting or CountedByStore(settings))


@asynccontextmanager
async def office_over(settings: Settings) -> AsyncIterator[Office]:
    """Yield administration over the store of these settings.

    Raises StoreUnusableError or Unavailable.
    """
    store = await open_store(settings)
    try:
        audit = audit_of(settings, store.clock)
        administration = administration_of(store, settings, audit, actor_here())
        directory = LookUpModels(store.models, settings.environment)
        usage = StoredUsage(store)
        try:
            yield Office(administration, usage, directory, store.clock, settings.environment, None)
        finally:
            await usage.close()
    finally:
        await store.close()


class StoredUsage(UsageReading):
    """The ledger of a store, opened when it is read first: most commands never do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledger: UsageLedger | None = None

    @override
    async def report(self, wanted: Filter, by: Sequence[Dimension]) -> Report:
        return await ReadUsage(await self._opened()).report(wanted, by)

    @override
    async def calls(
        self, wanted: Filter, after: str | None, most: int, *, newest_first: bool = False
    ) -> RowPage:
        reading = ReadUsage(await self._opened())
        return await reading.calls(wanted, after, most, newest_first=newest_first)

    async def _opened(self) -> UsageLedger:
        if self._ledger is None:
            self._ledger = await self._store.open_usage(None)
        return self._ledger

    async def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._ledger is not None:
            await self._ledger.close()


@asynccontextmanager
async def office_at(
    url: str, settings: Settings, warn: Callable[[str], None]
) -> AsyncIterator[Office]:
    """Yield administration at a running gateway, with LLMPROXY_ADMIN_KEY. Raises SettingError."""
    from llmproxy.infra.remote.address import address  # noqa: PLC0415 - only where it is used
    from llmproxy.infra.remote.administration import (  # noqa: PLC0415
        RemoteKeys,
        RemoteModels,
        RemoteProjects,
    )
    from llmproxy.infra.remote.exchange import Exchange  # noqa: PLC0415
    from llmproxy.infra.remote.usage import RemoteUsage  # noqa: PLC0415

    key = settings.access.admin_key
    if key is None:
        raise SettingError("LLMPROXY_ADMIN_KEY: set it to an admin key of the gateway at --url")
    try:
        place = address(url)
    except ValueError as error:
        raise SettingError(f"--url (LLMPROXY_URL): {error}") from None
    if place.in_the_clear:
        warn(f"the admin key travels unencrypted to {place.text}: use https://")
    exchange = Exchange(place, key)

    async def explain(request: bytes) -> bytes:
        return (await exchange.ask("POST", "/admin/explain", body=request)).body

    try:
        models = RemoteModels(exchange)
        administration = Administration(models, RemoteKeys(exchange), RemoteProjects(exchange))
        usage = RemoteUsage(exchange)
        yield Office(administration, usage, models, SystemClock(), {}, explain)
    finally:
        await exchange.close()
