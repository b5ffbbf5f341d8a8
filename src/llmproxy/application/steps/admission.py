"""A call that passed the gate."""

from dataclasses import dataclass, field
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.limiter import Reservation
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.plan import Plan
from llmproxy.domain.errors import OwnFault
from llmproxy.domain.routing import PLAIN, Routing

NOT_READY: Final = "model_not_ready"


@dataclass(slots=True)
class Admission:
    """A call that passed the gate, with what it may use and what is held until it is settled.

    `plan` is in the order in which it is asked, the first `well` of it without a reason not to;
    `reservation.lane` is where it begins. `held` is false while nothing is: a call that goes on
    with another model gives back before it holds again. `at` is when the call was admitted, in unix
    seconds: both lines of the journal say it, whatever stood in. `model` is the name by which the
    plan was found: that of the call, or of a model that stands in for it; `routing` is that of the
    model asked for.

    `cut` is who was cut off at work, `between_s` how long nobody was at work before
    somebody was asked again, less what two attempts had in common. `outpaced` are those of the
    attempts that were let go because another deployment spoke first.
    """

    call: Call
    plan: Plan
    reservation: Reservation
    attempts: list[Attempt] = field(default_factory=list)
    first_content_at: float | None = None
    settled: bool = False
    well: int = 0
    held: bool = True
    at: float = 0.0
    model: str = ""
    routing: Routing = PLAIN
    cut: Deployment | None = None
    between_s: float = 0.0
    outpaced: tuple[Attempt, ...] = ()

    @property
    def waited_s(self) -> float:
        """How long providers were waited for: in attempts that ended, and between them."""
        return sum([attempt.duration_s for attempt in self.attempts], self.between_s)


def not_ready(deployment: Deployment) -> OwnFault:
    """Say that a registered model cannot be called now."""
    return OwnFault(
        f"The model `{deployment.model.code}` is not ready.",
        code=NOT_READY,
        hint="Its operator finds the reason at /health/ready and in the gateway's log.",
        detail=deployment.not_ready or "it offers no port for this flow",
    )
