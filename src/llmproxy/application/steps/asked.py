"""A deployment that works on a call now: its end is told to its health, and recorded."""

from typing import Final

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.application.interfaces.trace import Tried
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.steps.admission import NOT_READY
from llmproxy.domain.errors import GatewayError, TimedOut, UpstreamError

CRASHED: Final = "internal_error"
CANCELLED: Final = "cancelled"
ANSWERED: Final = 200


class Asked:
    """Made when it is asked; exactly one of the methods ends it. Times are monotonic seconds.

    `lane` is its place in the plan, `reservation` what is held for it. `tried` is where its end is
    noted for those who follow the request.
    """

    __slots__ = ("_era", "_health", "began", "deployment", "lane", "reservation", "tried")

    def __init__(
        self, fleet: Fleet, deployment: Deployment, lane: int, reservation: Reservation, now: float
    ) -> None:
        self.deployment = deployment
        self.lane = lane
        self.reservation = reservation
        self.began = now
        self._health = fleet.health(deployment)
        self._era = self._health.began()
        self.tried: Tried | None = None

    @property
    def p95_s(self) -> float | None:
        """How soon 95 % of its answers have begun of late; None where that is not known."""
        return self._health.p95_s

    def answered(
        self, now: float, load_percent: float | None, first_content_at: float | None
    ) -> Attempt:
        """Note that it answered to the end."""
        duration_s = now - self.began
        first_s = duration_s if first_content_at is None else first_content_at - self.began
        self._health.answered(first_s, self._era)
        if load_percent is not None:
            self._health.load(load_percent)
        attempt = Attempt(self.deployment.model.id, None, duration_s, ANSWERED)
        if self.tried is not None:
            self.tried.attempt = attempt
        return attempt

    def failed(self, error: GatewayError, now: float) -> Attempt:
        """Note that it failed; what is no failure of the provider tells nothing of its health."""
        status = None
        if isinstance(error, UpstreamError):
            status = error.upstream_status
            if error.load_percent is not None:
                self._health.load(error.load_percent)
            # A flow that it does not have and a client's short patience tell nothing of a provider.
            counts = error.code != NOT_READY and not _by_client(error)
            self._health.failed(error, counts=counts, era=self._era)
        else:
            self._health.let_go(self._era)
        why = error.code or "failed"
        return self._noted(Attempt(self.deployment.model.id, why, now - self.began, status))

    def left(self, why: str, now: float) -> Attempt:
        """Note that nobody waits for it any more."""
        self._health.let_go(self._era)
        return self._noted(Attempt(self.deployment.model.id, why, now - self.began))

    def _noted(self, attempt: Attempt) -> Attempt:
        """Tell the end to those who follow the request, if somebody does."""
        if self.tried is not None:
            self.tried.attempt = attempt
        return attempt


def _by_client(error: UpstreamError) -> bool:
    return isinstance(error, TimedOut) and error.by_client
