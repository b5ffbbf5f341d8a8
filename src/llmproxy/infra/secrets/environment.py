"""Secrets held in environment variables; names may hold dashes, as `SP-BRIDGE-4852-DEV` does."""

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.domain.secret import Secret

OWN: Final = frozenset({"COSMOS_KEY", "LLMPROXY_ADMIN_KEY", "REDIS_URL", "ALERT_WEBHOOK_URL"})
"""What opens the gateway and its store. A document that names it would send it to a provider."""


def refuse_own(reference: str) -> None:
    """Raise SecretMissing for a secret that is the gateway's own, wherever it may be found."""
    if reference.upper().replace("-", "_") in OWN:
        raise SecretMissing(
            f"the secret {reference} is the gateway's own and is sent to no provider"
        )


class EnvironmentSecrets(SecretSource):
    """Looks references up in the environment the gateway was started with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @override
    def resolve(self, reference: str) -> Secret:
        refuse_own(reference)
        value = self._environment.get(reference, "").strip()
        if not value:
            raise SecretMissing(f"the secret {reference} is not set in the environment")
        return Secret(value)
