"""Which calls ask the same: the keys under which answers are kept."""

import json
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.presence import Presence
from llmproxy.application.interfaces.response_cache import Shape
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.routing.plan import Plan
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint

_Asker = tuple[int, Endpoint, str, str | None, str, str | None]
"""The plan's `id`, endpoint and model; project, key and tag of the caller."""
MAX_PLANS: Final = 4096


class Use(Enum):
    """What is to become of a call at the cache."""

    NONE = "none"
    """Nobody asks for it."""
    BYPASS = "bypass"
    """It is asked for, but not for such a call."""
    ON = "on"
    REFRESH = "refresh"
    """Ask a provider in any case, and keep the new answer."""


@dataclass(slots=True)
class Wish:
    """How a call wants to be answered.

    `question` is the SHA-256 of the canonical request without what cannot matter, b"" where no
    cache is used. `repeat_key` is the `Idempotency-Key`, `fingerprint` then the SHA-256 of the
    whole canonical request. `ttl_s` is how long the answer is to be kept. `plan` is what may
    answer, where it was just looked up.
    """

    shape: Shape
    use: Use = Use.NONE
    ttl_s: float = 0.0
    question: bytes = b""
    repeat_key: bytes | None = None
    fingerprint: bytes = b""
    plan: Plan = ()
    presence: Presence | None = None
    """The client, where it says when it leaves."""
    likely: bool = False
    """This very question was answered with a kept answer before."""


class Questions:
    """Makes the keys; remembers what stands in them of deployments and callers.

    Until the next snapshot: what is remembered holds deployments, so that no other plan gets the
    `id` of one.
    """

    def __init__(self) -> None:
        self._plans: dict[int, tuple[Plan, bytes]] = {}
        self._askers: dict[_Asker, tuple[Plan, bytes]] = {}

    def forget(self, _: Snapshot) -> None:
        """Let go of plans that are gone: another snapshot is there."""
        self._plans.clear()
        self._askers.clear()

    def key(self, call: Call, wish: Wish, plan: Plan) -> bytes:
        """Return the key of a question: 64 bytes.

        It holds who asks, what may answer and how those documents read now, and what is asked.
        Projects never share an answer; keys of one project do.
        """
        caller = call.caller
        place = (
            id(plan),
            call.endpoint,
            call.model,
            caller.project,
            caller.key_id,
            caller.tag,
        )
        known = self._askers.get(place)
        asker = self._asker(call, plan, place) if known is None else known[1]
        return asker + wish.question

    def _asker(self, call: Call, plan: Plan, place: _Asker) -> bytes:
        if len(self._askers) >= MAX_PLANS:
            self._askers.clear()
        asker = digest(
            b"question",
            call.endpoint.encode(),
            *owner(call.caller),
            call.model.encode(),
            self._identity(plan),
        )
        self._askers[place] = (plan, asker)
        return asker

    def _identity(self, plan: Plan) -> bytes:
        # A plan is one object from one snapshot to the next: this looks at each but once.
        known = self._plans.get(id(plan))
        if known is not None and known[0] is plan:
            return known[1]
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        identity = digest(*map(_reading, plan))
        self._plans[id(plan)] = (plan, identity)
        return identity


def repeat_key(call: Call, key: bytes) -> bytes:
    """Return under what the answer to an `Idempotency-Key` is kept: each API key has its own."""
    caller = call.caller
    tag = caller.tag or ""
    return digest(b"repeat", call.endpoint.encode(), caller.key_id.encode(), tag.encode(), key)


def owner(caller: Caller) -> tuple[bytes, bytes]:
    """Return whose answers these are: the project's, else the key's, else the named project's."""
    if caller.project is not None:
        return b"project", caller.project.encode()
    if caller.anonymous:
        return b"anonymous", (caller.tag or "").encode()
    return b"key", caller.key_id.encode()


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of parts; where one ends and the next begins matters."""
    return sha256(b"".join([b"%d:%b" % (len(part), part) for part in parts])).digest()


def _reading(deployment: Deployment) -> bytes:
    """Return how a document reads now: as written, and with what the environment says to it."""
    model = deployment.model
    written = json.dumps(dict(model.document), sort_keys=True, default=str)
    return digest(model.id.encode(), written.encode(), repr(model.parameters).encode())
