"""The chain of places where secrets are looked for."""

from llmproxy.application.interfaces.clock import Clock
from llmproxy.config import Settings
from llmproxy.infra.secrets.chain import SecretChain


def secret_chain(settings: Settings, clock: Clock) -> SecretChain:
    """Return the chain: the environment, files, and the key vault where one is named."""
    vault = None
    if settings.secrets.vault_url is not None:
        from llmproxy.infra.secrets.vault import VaultSecrets  # noqa: PLC0415 - the Azure SDK

        vault = VaultSecrets(settings.secrets.vault_url, settings.environment)
    return SecretChain(
        settings.environment,
        folder=settings.secrets.folder,
        vault=vault,
        refresh_s=settings.secrets.refresh_s,
        clock=clock,
    )
