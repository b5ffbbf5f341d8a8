"""Where a call goes on when the deployments that it began with have failed."""

from typing import NamedTuple

from llmproxy.application.steps.admission import Admission
from llmproxy.domain.routing import Cause, Routing


class Leg(NamedTuple):
    """A model on the way; with `unwell` the one that the call began with, once more."""

    model: str
    unwell: bool = False


class Legs:
    """The further models of one call, found when they are needed first."""

    __slots__ = ("_admission", "_legs")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._legs: list[Leg] | None = None

    def take(self, cause: Cause, *, unwell_left: bool) -> Leg | None:
        """Return the next one; what failed first decides on all of them. None when none is left."""
        if self._legs is None:
            self._legs = [Leg(name) for name in self._fallbacks(cause)]
            if unwell_left:
                self._legs.append(Leg(self._admission.model, unwell=True))
        return self._legs.pop(0) if self._legs else None

    def mend(self, cause: Cause) -> bool:
        """Whether models are named for just this refusal: then only those are asked."""
        if cause is Cause.ANY or self._legs is not None:
            return False
        self._legs = [Leg(name) for name in self._fallbacks(cause)]
        return bool(self._legs)

    def _fallbacks(self, cause: Cause) -> tuple[str, ...]:
        """Return the models that stand in: for one asked by its code, and free to go elsewhere."""
        admission = self._admission
        bound = admission.call.previous is not None
        if bound or not admission.plan or admission.plan[0].model.code != admission.model:
            return ()
        return standing_in(admission.routing, cause, admission.model)


def standing_in(routing: Routing, cause: Cause, model: str) -> tuple[str, ...]:
    """Return the models that stand in for this one after such a failure, in their order."""
    names = routing.fallbacks.get(cause, ())
    if cause is Cause.BUSY:
        names += routing.fallbacks.get(Cause.ANY, ())
    return tuple([name for name in dict.fromkeys(names) if name != model])
