"""Where the values behind secret references live."""

from abc import abstractmethod
from typing import Protocol

from llmproxy.domain.secret import Secret


class SecretMissing(LookupError):
    """The reference names nothing; the message says where it was looked for."""


class SecretSource(Protocol):
    """Resolves references such as `AZURE_OPENAI_API_KEY` or `SP-BRIDGE-4852-DEV`."""

    @abstractmethod
    def resolve(self, reference: str) -> Secret:
        """Return the secret. Raises SecretMissing; never falls back to the reference itself."""
