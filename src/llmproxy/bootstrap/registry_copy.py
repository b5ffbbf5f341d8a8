"""Registries as wholes: made, taken out, taken in, and where they are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from typing_extensions import override

from llmproxy.application.use_cases.transfer_registry.archive import Archive
from llmproxy.application.use_cases.transfer_registry.transfer import TransferRegistry
from llmproxy.bootstrap.administering import actor_here, audit_of
from llmproxy.bootstrap.store import FILE_NAME, Store, open_sqlite, open_store
from llmproxy.bootstrap.workers import CountedByStore
from llmproxy.config import SettingError, Settings
from llmproxy.config.settings import RegistrySettings
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.infra.secrets.signing import KEY_BYTES
from llmproxy.infra.telemetry.clock import SystemClock

SQLITE = "sqlite:"
COSMOS = "cosmos"
FOLDER = "folder:"


class Source(NamedTuple):
    """What a registry is copied from: its content, and what could not be read of it."""

    archive: Archive
    faults: Mapping[str, str]
    signing_key: bytes | None = None
    """Signs the ids of stored responses; only asked for where it is to be copied."""

    @override
    def __repr__(self) -> str:
        return f"Source({len(self.archive.models or ())} models)"


async def archive_of(store: Store, *, keys: bool = True) -> Archive:
    """Return all that a store holds."""
    return Archive(
        [each.document for each in await store.models.load_all()],
        [each.document for each in await store.projects.load_all()],
        await store.keys.load_all() if keys else None,
    )


def transfer_into(store: Store, settings: Settings) -> TransferRegistry:
    """Return what takes an archive into a store, with an audit line per change."""
    audit = audit_of(settings, store.clock)
    return TransferRegistry(
        store.models,
        store.projects,
        store.keys,
        store.clock,
        (audit, actor_here()),
        CountedByStore(settings),
    )


def settings_for(place: str, settings: Settings) -> Settings:
    """Return the settings under which `sqlite:FOLDER` or `cosmos` is the store.

    Raises SettingError.
    """
    if place == COSMOS:
        if settings.registry.cosmos is None:
            raise SettingError("COSMOS_URL: set it to the account that `cosmos` means")
        return replace(settings, registry=replace(settings.registry, models_path=None))
    if place.startswith(SQLITE):
        folder = place.removeprefix(SQLITE)
        if not folder:
            raise SettingError("sqlite: needs a folder, such as sqlite:/var/lib/llmproxy")
        return replace(settings, registry=RegistrySettings(), data_dir=Path(folder).expanduser())
    raise SettingError(f"{place!r} is no store: give sqlite:FOLDER or cosmos")


@asynccontextmanager
async def store_at(place: str, settings: Settings) -> AsyncIterator[Store]:
    """Open a store by its name. Raises SettingError, StoreUnusableError or Unavailable."""
    store = await open_store(settings_for(place, settings))
    try:
        yield store
    finally:
        await store.close()


async def read_source(place: str, settings: Settings, *, keys: bool, signing: bool) -> Source:
    """Return the content of a store, or of a folder of documents, which says nothing of keys.

    A source is never made; one that never served gets a signing key where that is asked for, as it
    would by serving. Raises SettingError, StoreUnusableError or Unavailable.
    """
    if place.startswith(FOLDER):
        return await _documents_of(Path(place.removeprefix(FOLDER)))
    named = settings_for(place, settings)
    if place != COSMOS and not (named.data_dir / FILE_NAME).is_file():
        raise SettingError(f"{named.data_dir} holds no {FILE_NAME}")
    async with store_at(place, settings) as store:
        archive = await archive_of(store, keys=keys)
        signing_key = await store.signing_keys.keep(token_bytes(KEY_BYTES)) if signing else None
        return Source(archive, {}, signing_key)


async def _documents_of(folder: Path) -> Source:
    from llmproxy.infra.database.folder.document_folder import (  # noqa: PLC0415 - rarely used
        DocumentFolder,
    )

    contents = await DocumentFolder(folder, SystemClock()).read()
    return Source(Archive([each.document for each in contents.documents]), contents.faults)


def faults_of(archive: Archive) -> dict[str, str]:
    """Return the models that no gateway would serve, by id, with the first reason.

    Variables are not looked up: other gateways have others.
    """
    found: dict[str, str] = {}
    for document in archive.models or ():
        try:
            parse_model(document)
        except DocumentError as error:
            found[str(document["id"])] = error.problems[0].text
    return found


async def initialise_registry(settings: Settings, throughput: int | None) -> list[str]:
    """Make the store of these settings, each part unless it is there; say what was made.

    Raises StoreUnusableError or Unavailable.
    """
    cosmos = settings.registry.cosmos
    if cosmos is None:
        path = settings.data_dir / FILE_NAME
        new = not path.exists()
        store = await open_sqlite(settings.data_dir)
        await store.close()
        return [f"{path} {'is made' if new else 'is there already'}"]
    from llmproxy.bootstrap.cosmos import open_account  # noqa: PLC0415 - the Azure SDK
    from llmproxy.infra.database.cosmos.initialise import initialise  # noqa: PLC0415

    account = await open_account(cosmos)
    try:
        made = await initialise(account, throughput=throughput)
    finally:
        await account.close()
    return [
        f"{each.name} {'is made' if each.new else 'is there already'}"
        + (f"; it {each.remark}" if each.remark else "")
        for each in made
    ]
