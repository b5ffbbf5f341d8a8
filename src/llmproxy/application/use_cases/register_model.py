"""Registering models from checked documents."""

from collections.abc import Sequence

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.model_repository import Change, ModelRepository
from llmproxy.domain.document import Parsed


class RegisterModel:
    """Keeps documents that `parse_model` accepted."""

    def __init__(self, models: ModelRepository, clock: Clock) -> None:
        self._models = models
        self._clock = clock

    async def __call__(self, parsed: Parsed) -> Change:
        """Keep one document. Raises Unavailable."""
        return (await self.register_all([parsed]))[0]

    async def register_all(self, parsed: Sequence[Parsed]) -> list[Change]:
        """Keep all of these or, when the store fails, none. Raises Unavailable."""
        documents = [each.model.document for each in parsed]
        return await self._models.put_all(documents, at=self._clock.now())
