"""The registry as a gateway would load it, for commands that look at it once and follow nothing."""

from llmproxy.application.registry import Registry
from llmproxy.bootstrap.entry import admin_from
from llmproxy.bootstrap.store import Store
from llmproxy.config import Settings
from llmproxy.infra.database.following.keeper import Options, SnapshotKeeper
from llmproxy.infra.database.following.models import Build, Deployments
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.secrets.chain import SecretChain


async def registry_once(
    settings: Settings, store: Store, build: Build, secrets: SecretChain, long_tail: LongTail
) -> Registry:
    """Return the registry of a store. Raises Unavailable.

    Models that are not ready are built again once LiteLLM is there: they may have waited for it.
    """
    registry = Registry(store.clock, settings.auth)
    keeper = SnapshotKeeper(
        store.feeds,
        registry,
        Deployments(build, settings.environment, secrets),
        store.clock,
        Options(always=admin_from(settings.access)),
    )
    await keeper.look()
    if any(each.not_ready for each in registry.snapshot.deployments):
        await long_tail.settled()
        keeper.reconsider()
        await keeper.look()
    return registry
