"""The look-ups of administrators: which models there are, by provider, type, project, operation."""

from abc import abstractmethod
from typing import NamedTuple, Protocol

from llmproxy.domain.selection import Selection


class ModelView(NamedTuple):
    """One document at a glance. Where it is not understood, `state` says so and the rest is empty.

    Prices are figures per million tokens in `currency`; empty when there is none.
    """

    id: str
    code: str
    name: str
    provider: str
    model_type: str
    private: bool
    projects: tuple[str, ...]
    operations: tuple[str, ...]
    free: bool
    currency: str
    input_price: str
    output_price: str
    state: str
    """`ok`, or a word and the reason: `refused: no price`, `not_ready: …`."""


class ModelDirectory(Protocol):
    """Raises a `GatewayError` as `ModelAdministration` does."""

    @abstractmethod
    async def look_up(self, selection: Selection) -> list[ModelView]:
        """Return the models that are asked for, in the order of their registration.

        Documents that are not understood are among them where nothing is selected.
        """
