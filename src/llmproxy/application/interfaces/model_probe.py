"""Finding out whether a model answers."""

from abc import abstractmethod
from typing import Protocol

from llmproxy.domain.model import Model


class ModelProbe(Protocol):
    """Asks through the very adapters that serve requests."""

    @abstractmethod
    async def ask(self, model: Model) -> None:
        """Ask one cheap question and return when it is answered.

        Raises GatewayError with the reason when it is not, and SecretMissing when the model's
        secret cannot be resolved.
        """
