"""Secrets held in environment variables; names may hold dashes, as `SP-BRIDGE-4852-DEV` does."""

from collections.abc import Mapping

from typing_extensions import override

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.domain.secret import Secret


class EnvironmentSecrets(SecretSource):
    """Looks references up in the environment the gateway was started with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @override
    def resolve(self, reference: str) -> Secret:
        value = self._environment.get(reference, "").strip()
        if not value:
            raise SecretMissing(f"the secret {reference} is not set in the environment")
        return Secret(value)
