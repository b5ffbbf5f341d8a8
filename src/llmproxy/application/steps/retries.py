"""Asking a deployment again that has failed: which one, and after what pause."""

from collections.abc import Callable
from typing import Final, NamedTuple

from llmproxy.application.steps.causes import asks_again_after
from llmproxy.domain.errors import GatewayError

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 4.0
LONGEST_WAIT_S: Final = 10.0
"""A provider that asks for more patience than this is not waited for."""


class Again(NamedTuple):
    """The place in the plan that is asked again, and how long to wait before."""

    lane: int
    pause_s: float


class Retries:
    """Those of one call: so many were made, and what the failures of each lane allow."""

    __slots__ = ("_allowed", "made")

    def __init__(self) -> None:
        self.made = 0
        self._allowed: dict[int, float] = {}

    def failed(self, lane: int, error: GatewayError) -> None:
        """Note a failure of a lane: the last one says whether it may be asked again."""
        least_s = asks_again_after(error)
        if least_s is None:
            self._allowed.pop(lane, None)
        else:
            self._allowed[lane] = least_s

    def elsewhere(self) -> None:
        """Forget the lanes: the plan is another one now."""
        self._allowed.clear()

    def choose(self, most: int, jitter: Callable[[], float]) -> Again | None:
        """Return who is asked again; None when nobody may be, or `most` retries were made.

        The pause is a random one up to a bound that doubles ("full jitter": aws.amazon.com,
        "Exponential backoff and jitter"), but never shorter than the provider has asked for.
        """
        if self.made >= most or not self._allowed:
            return None
        lane, least_s = min(self._allowed.items(), key=lambda each: each[1])
        if least_s > LONGEST_WAIT_S:
            return None
        most_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self.made)
        return Again(lane, max(least_s, jitter() * most_s))
