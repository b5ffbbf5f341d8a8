"""What was true when: which answers a request may get, given the changes that were made."""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from math import inf

EVERYWHERE_WITHIN_S = 5.0
"""From when a change was confirmed to when every worker of every replica must know."""
ALL = "*"
"""The value of a public model."""
MUTE = "mute"
"""The value of a model that does not offer the operation."""
SERVED = (200, None)

Outcome = tuple[int, str | None]
"""Status and the error's code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: who asks (a name for a key), which model by its code, and how."""

    who: str
    model: str
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """A value that was true from some moment between these two on, in monotonic seconds."""

    value: Hashable
    earliest: float
    latest: float


class Truth:
    """The values of things over time.

    `key NAME` is the project of a key, None while there is no such live key; `project NAME` is
    True while it is suspended; `model CODE` is ALL, the projects it is private for, MUTE, or None.
    """

    def __init__(self) -> None:
        self._said: dict[str, list[_Said]] = defaultdict(lambda: [_Said(None, -inf, -inf)])

    def always(self, thing: str, value: Hashable) -> None:
        """It was so before anything was asked."""
        self._said[thing] = [_Said(value, -inf, -inf)]

    def say(
        self,
        thing: str,
        value: Hashable,
        *,
        sent: float,
        confirmed: float,
        within_s: float = EVERYWHERE_WITHIN_S,
    ) -> None:
        """It is so from now on: at the earliest when it was sent."""
        self._said[thing].append(_Said(value, sent, confirmed + within_s))

    def now(self, thing: str) -> Hashable:
        """What was said last."""
        return self._said[thing][-1].value

    def things(self, kind: str) -> list[str]:
        """The names of all things of this kind."""
        return [each.partition(" ")[2] for each in self._said if each.startswith(f"{kind} ")]

    def outcomes(self, asked: Asked, began: float, ended: float) -> set[Outcome]:
        """What a request of this time may have got."""
        return {
            _outcome(project, suspended, model)
            for project in self._values(f"key {asked.who}", began, ended)
            for suspended in self._values(f"project {project}", began, ended)
            for model in self._values(f"model {asked.model}", began, ended)
        }

    def _values(self, thing: str, began: float, ended: float) -> set[Hashable]:
        said = self._said[thing]
        untils = [*(each.latest for each in said[1:]), inf]
        return {
            each.value
            for each, until in zip(said, untils, strict=True)
            if each.earliest <= ended and began <= until
        }


def _outcome(project: Hashable, suspended: Hashable, model: Hashable) -> Outcome:
    if project is None:
        return 401, "invalid_api_key"
    if suspended:
        return 403, "project_suspended"
    hidden = isinstance(model, frozenset) and project not in model
    if model is None or hidden:
        return 404, "model_not_found"
    return (400, "operation_not_supported") if model == MUTE else SERVED
