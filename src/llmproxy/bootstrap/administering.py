"""Administration for the command line: over the store, or over HTTP at a running gateway."""

import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor, Audit
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.model_directory import ModelDirectory
from llmproxy.application.use_cases.administer_keys import AdministerKeys
from llmproxy.application.use_cases.administer_models import AdministerModels
from llmproxy.application.use_cases.administer_projects import AdministerProjects
from llmproxy.application.use_cases.look_up_models import LookUpModels
from llmproxy.bootstrap.store import Store, open_store
from llmproxy.config import SettingError, Settings
from llmproxy.infra.telemetry.clock import SystemClock

AUDIT_FOLDER = "audit"


class Office(NamedTuple):
    """What administrators work with, wherever the registry is."""

    administration: Administration
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
    store: Store, settings: Settings, audit: Audit, actor: Actor
) -> Administration:
    """Return administration over a store, in the name of somebody."""
    clock = store.clock
    return Administration(
        AdministerModels(store.models, clock, audit, actor, settings.environment),
        AdministerKeys(store.keys, clock, audit, actor),
        AdministerProjects(store.projects, store.keys, store.models, clock, audit, actor),
    )


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
        yield Office(administration, directory, store.clock, settings.environment, None)
    finally:
        await store.close()


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
        yield Office(administration, models, SystemClock(), {}, explain)
    finally:
        await exchange.close()
