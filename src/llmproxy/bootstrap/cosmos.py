"""Opening the store in Azure Cosmos DB. Imported only where COSMOS_URL is set."""

from dataclasses import asdict

from llmproxy.application.interfaces.feed import Feeds
from llmproxy.application.interfaces.usage_ledger import UsageLedger
from llmproxy.bootstrap.store import Store
from llmproxy.config import CosmosSettings, Settings
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.document_repository import CosmosDocumentRepository
from llmproxy.infra.database.cosmos.feed import documents_feed, keys_feed
from llmproxy.infra.database.cosmos.key_repository import CosmosKeyRepository
from llmproxy.infra.database.cosmos.shelf import (
    keys_shelf,
    models_shelf,
    projects_shelf,
    signing_keys_shelf,
)
from llmproxy.infra.database.cosmos.signing_key_repository import CosmosSigningKeyRepository
from llmproxy.infra.database.cosmos.transport import Transport
from llmproxy.infra.database.cosmos.usage_ledger import CosmosUsageLedger
from llmproxy.infra.database.following.last_good import LastGoodFile
from llmproxy.infra.database.kept_signing_key import KeptSigningKey
from llmproxy.infra.telemetry.clock import SystemClock

LAST_GOOD = "registry.json"
SIGNING_KEY = "signing.key"


async def open_cosmos(settings: Settings, cosmos: CosmosSettings) -> Store:
    """Open the containers. An account that cannot be asked now is opened all the same.

    Raises StoreUnusableError when a container is missing, or the key cannot be one.
    """
    account = await open_account(cosmos)
    away = False
    try:
        await account.check()
    except Unavailable:
        away = True  # whoever asks it next is told, or serves what was kept
    except BaseException:
        await account.close()
        raise
    clock = SystemClock()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def open_usage(keep_rows_days: int | None) -> UsageLedger:
        return CosmosUsageLedger(
            account, clock, rows=cosmos.usage_rows, keep_rows_days=keep_rows_days or 0
        )

    models, keys, projects = models_shelf(account), keys_shelf(account), projects_shelf(account)
    every_s = settings.registry.reload_every_s
    place = f"Cosmos DB {cosmos.url} ({cosmos.database_id})"
    return Store(
        models=CosmosDocumentRepository(models),
        projects=CosmosDocumentRepository(projects),
        keys=CosmosKeyRepository(keys),
        signing_keys=KeptSigningKey(
            CosmosSigningKeyRepository(signing_keys_shelf(account)),
            settings.data_dir / SIGNING_KEY,
            prefer_kept=away,
        ),
        feeds=Feeds(
            documents_feed(models, reload_every_s=every_s),
            keys_feed(keys, reload_every_s=every_s),
            documents_feed(projects, reload_every_s=every_s),
        ),
        open_usage=open_usage,
        place=place,
        close=account.close,
        clock=clock,
        last_good=LastGoodFile(settings.data_dir / LAST_GOOD, place),
        shared=True,
        counts=lambda: asdict(account.counts()),
    )


async def open_account(cosmos: CosmosSettings, transport: Transport | None = None) -> CosmosAccount:
    """Open the account without asking it, over a transport or the network.

    Raises StoreUnusableError.
    """
    return await CosmosAccount.open(
        CosmosPlace(
            cosmos.url,
            cosmos.key,
            cosmos.database_id,
            cosmos.container_id,
            cosmos.keys_container_id,
            cosmos.usage_container_id,
        ),
        transport=transport,
    )
