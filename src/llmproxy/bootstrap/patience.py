"""How long providers are waited for, where their documents do not say."""

from llmproxy.config import Settings
from llmproxy.infra.providers.transport.target import Patience


def patience_of(settings: Settings) -> Patience:
    """Return the limits of the settings."""
    return Patience(
        settings.connect_timeout_s,
        settings.first_byte_timeout_s,
        settings.idle_timeout_s,
        settings.total_timeout_s,
    )
