"""Reservations: what calls in flight may still cost, held before a provider is called."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llmproxy.domain.errors import GatewayError


@dataclass(slots=True)
class Reservation:
    """Held from admission to settlement over three scopes: a key, its project, a model's code.

    `cost_nano` is an upper bound in nano-units (1e-9) of `currency`, `tokens` an upper bound of
    input and output together.
    """

    key_id: str
    project: str | None
    model: str
    currency: str
    cost_nano: int
    tokens: int


class Limit(NamedTuple):
    """What counts a call: `used` of `most` `unit` in a scope. `setting` is what changes it."""

    scope: str
    unit: str
    used: int
    most: int
    setting: str


class Standing(NamedTuple):
    """All limits that would count a reservation, and what `reserve` would raise, if anything."""

    limits: tuple[Limit, ...]
    refusal: GatewayError | None


class Limiter(Protocol):
    """Counts what is reserved and spent per scope."""

    @abstractmethod
    async def reserve(self, reservation: Reservation) -> None:
        """Hold it over all scopes, or over none. Raises Unavailable, RateLimited or BudgetSpent."""

    @abstractmethod
    def standing(self, reservation: Reservation) -> Standing:
        """Say what would become of a reservation, and hold nothing."""

    @abstractmethod
    def settle(self, reservation: Reservation, *, cost_nano: int, tokens: int) -> None:
        """Replace what was held by what was used; zeros give all back.

        Called exactly once per reservation.
        """
