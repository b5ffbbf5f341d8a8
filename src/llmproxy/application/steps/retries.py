"""Asking a deployment again that has failed: which one, and after what pause."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.plan import Plan
from llmproxy.application.steps.causes import asks_again_after, may_have_passed
from llmproxy.domain.errors import GatewayError

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 4.0
LONGEST_WAIT_S: Final = 10.0
"""A provider that asks for more patience than this is not waited for."""
NOBODY: Final = (True, float("inf"), 0, 0)


class Again(NamedTuple):
    """The place in the plan that is asked again, and how long to wait before."""

    lane: int
    pause_s: float


class _Failure(NamedTuple):
    """The last one of a deployment: it began then, and is the so manieth.

    `least_s` is how long to wait before it is asked again; None: only if it has answered others
    since. After a second failure of that kind never.
    """

    least_s: float | None
    began: float
    times: int


class Retries:
    """Those of one call: so many were made, and what the failures of each deployment allow."""

    __slots__ = ("_failures", "made")

    def __init__(self) -> None:
        self.made = 0
        self._failures: dict[str, _Failure] = {}

    def failed(self, deployment: str, error: GatewayError, began: float) -> None:
        """Note a failure of a deployment that was asked then, by its id: the last one counts."""
        earlier = self._failures.pop(deployment, None)
        least_s = asks_again_after(error)
        again = earlier is not None and earlier.least_s is None
        if least_s is not None or (may_have_passed(error) and not again):
            times = 1 if earlier is None else earlier.times + 1
            self._failures[deployment] = _Failure(least_s, began, times)

    def choose(
        self,
        plan: Plan,
        most: int,
        jitter: Callable[[], float],
        heard_at: Callable[[Deployment], float],
    ) -> Again | None:
        """Return who is asked again; None when nobody may be, or `most` retries were made.

        First those that have answered others since they failed here (`heard_at`), then those that
        ask for the least patience, then those that were asked the least often. The pause is a
        random one up to a bound that doubles ("full jitter": aws.amazon.com, "Exponential backoff
        and jitter"), but never shorter than the provider has asked for.
        """
        if self.made >= most or not self._failures:
            return None
        _, least_s, _, lane = min(self._able(plan, heard_at), default=NOBODY)
        if least_s > LONGEST_WAIT_S:
            return None
        most_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self.made)
        return Again(lane, max(least_s, jitter() * most_s))

    def _able(
        self, plan: Plan, heard_at: Callable[[Deployment], float]
    ) -> Iterator[tuple[bool, float, int, int]]:
        for lane, deployment in enumerate(plan):
            failure = self._failures.get(deployment.model.id)
            if failure is None:
                continue
            is_well = heard_at(deployment) > failure.began
            if is_well or failure.least_s is not None:
                yield not is_well, failure.least_s or 0.0, failure.times, lane
