"""What is asked of those who share answers, and where an answer comes from that nobody has."""

from collections.abc import Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.presence import Presence
from llmproxy.application.interfaces.response_cache import Shape
from llmproxy.application.routing.plan import Plan
from llmproxy.application.steps.admission import Admission

Boarding = Hashable


class Source(Protocol):
    """Where an answer comes from; `keeps` says whether it is to be kept.

    `holds` says whether there is anything that `over` lets go of.
    """

    keeps: bool
    holds: bool

    def admit(self, *, quietly: bool = False) -> Coroutine[Any, Any, Admission | None]:
        """Let the call through the gate, where that is not part of answering. Raises.

        `quietly` counts no refusal yet: a kept answer may come before it.
        """

    def answer(self, admission: Admission | None) -> Coroutine[Any, Any, Whole]:
        """Answer in one piece. Raises GatewayError."""

    def stream(self, admission: Admission | None) -> Coroutine[Any, Any, Live]:
        """Answer in events. Raises GatewayError."""

    async def over(self) -> None:
        """Let go of what was held for the call: it has ended, and its answer is kept or not."""


class Marks(NamedTuple):
    """What the head of an answer says of where it is from: asked for, kept, or under way."""

    first: tuple[bytes, ...]
    again: tuple[bytes, ...]
    along: tuple[bytes, ...]


@dataclass(slots=True)
class Asked:
    """What is asked: `boarding` is what flights for it go by, `anew` looks for no other answer.

    `fingerprint` tells the request from others that may come with the same key. Where an answer is
    `likely` kept, the gate is asked at the same time. `presence` is the client, where it says when
    it leaves. `plan` is what may answer, where it was just looked up.
    """

    call: Call
    key: bytes
    boarding: Boarding
    shape: Shape
    ttl_s: float
    marks: Marks
    fingerprint: bytes = b""
    anew: bool = False
    likely: bool = False
    presence: Presence | None = None
    plan: Plan = ()
