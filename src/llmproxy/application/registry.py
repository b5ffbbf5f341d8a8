"""Which models exist and who may call.

One immutable snapshot, swapped whole, read without any store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.errors import (
    InvalidRequest,
    OperationNotSupported,
    Unauthenticated,
    Unavailable,
    UnknownModel,
)
from llmproxy.domain.operation import Operation

ANYONE = Caller(key_id="none", project=None, models=None, admin=True, expires_at=None)
"""Who calls while no key was ever made: only this machine itself is served then."""

_Asked = tuple[str, str, frozenset[str] | None, Operation]
MODELS_IN_MESSAGE = 20
MAX_PLANS = 4096
"""Answers that are remembered until the next snapshot: calls of one key for one model are many."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a request needs to know.

    Several deployments under one code are one model; a name is a code first, then an id. `keys`
    maps the SHA-256 of a key to its caller, revoked keys left out: the digest is what is looked up,
    so that the time a look-up takes tells nothing about the key. `open_to_all` is true while no key
    was ever made.
    """

    deployments: tuple[Deployment, ...] = ()
    keys: Mapping[bytes, Caller] = field(default_factory=dict)
    open_to_all: bool = False
    by_code: Mapping[str, tuple[Deployment, ...]] = field(init=False)
    by_id: Mapping[str, tuple[Deployment, ...]] = field(init=False)
    _by_key_id: Mapping[str, Caller] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Index the deployments."""
        codes: dict[str, list[Deployment]] = {}
        for deployment in self.deployments:
            codes.setdefault(deployment.model.code, []).append(deployment)
        object.__setattr__(self, "by_code", {code: tuple(group) for code, group in codes.items()})
        by_id = {deployment.model.id: (deployment,) for deployment in self.deployments}
        object.__setattr__(self, "by_id", by_id)

    def caller(self, key_id: str) -> Caller | None:
        """Return the caller whose key has this id; the keys are indexed at the first question."""
        if self._by_key_id is None:
            index = {caller.key_id: caller for caller in self.keys.values()}
            object.__setattr__(self, "_by_key_id", index)
        return (self._by_key_id or {}).get(key_id)


class Registry:
    """Answers from the current snapshot.

    `install` swaps it; a request keeps the one it began with.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._plans: dict[_Asked, tuple[Deployment, ...]] = {}

    @property
    def snapshot(self) -> Snapshot:
        """Return the current snapshot. Raises Unavailable before the first one."""
        if self._snapshot is None:
            raise Unavailable("The gateway is still starting.", retry_after_s=1.0)
        return self._snapshot

    @property
    def loaded(self) -> bool:
        """Whether there is a snapshot to answer from."""
        return self._snapshot is not None

    def install(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on."""
        self._snapshot = snapshot
        self._plans.clear()

    def authenticate(self, key: bytes | None, is_local: Callable[[], bool]) -> Caller:
        """Return whose key this is. Raises Unauthenticated.

        The words never tell unknown from revoked.

        While no key was ever made, whoever calls from this machine itself (`is_local`) needs none.
        """
        snapshot = self.snapshot
        if snapshot.open_to_all:
            if is_local():
                return ANYONE
            raise Unauthenticated(
                "This gateway has no keys yet and serves only its own machine.",
                hint="Make one with `llmproxy keys create --project NAME`.",
            )
        if not key:
            raise Unauthenticated(
                "You didn't provide an API key.",
                hint="Send it in an Authorization header: `Authorization: Bearer YOUR_KEY`.",
            )
        caller = snapshot.keys.get(key_digest(key))
        if caller is None:
            raise Unauthenticated("Incorrect API key provided.")
        self._check_expiry(caller)
        return caller

    def vouched(self, key_id: str, is_local: Callable[[], bool]) -> Caller:
        """Return the caller whose key has this id, for whom something else than the key vouches.

        Raises Unauthenticated when that key would not be let in itself.
        """
        if self.snapshot.open_to_all and key_id == ANYONE.key_id:
            return self.authenticate(None, is_local)
        caller = self.snapshot.caller(key_id)
        if caller is None:
            raise Unauthenticated("Incorrect API key provided.")
        self._check_expiry(caller)
        return caller

    def _check_expiry(self, caller: Caller) -> None:
        if caller.expires_at is not None and caller.expires_at <= self._clock.now():
            raise Unauthenticated("This API key has expired.", hint="Ask for a new one.")

    def visible(self, caller: Caller) -> dict[str, tuple[Deployment, ...]]:
        """Return the models this caller may know of, by code, in order of registration."""
        models: dict[str, list[Deployment]] = {}
        for deployment in self.snapshot.deployments:
            if may_use(caller, deployment):
                models.setdefault(deployment.model.code, []).append(deployment)
        return {code: tuple(group) for code, group in models.items()}

    def named(self, name: str, caller: Caller) -> tuple[Deployment, ...]:
        """Return the deployments behind a code, else behind an id. Raises UnknownModel."""
        snapshot = self.snapshot
        usable = _usable(snapshot.by_code.get(name, ()), caller)
        usable = usable or _usable(snapshot.by_id.get(name, ()), caller)
        if not usable:
            raise UnknownModel(
                f"The model `{name[:200]}` does not exist or you do not have access to it."
            )
        return usable

    def candidates(self, name: str, caller: Caller, operation: Operation) -> tuple[Deployment, ...]:
        """Return the deployments that may serve this.

        Raises UnknownModel or OperationNotSupported.
        """
        asked = (name, caller.key_id, caller.models, operation)
        plan = self._plans.get(asked)
        if plan is not None:
            return plan
        known = self.named(name, caller)
        offering = tuple([each for each in known if each.model.offers(operation)])
        if offering:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[asked] = offering
            return offering
        listed = _listed(self._offering(caller, operation))
        raise OperationNotSupported(
            f"The model `{name}` does not offer the operation `{operation}`.",
            param="model",
            hint=f"Models that do: {listed}.",
        )

    def only_model(self, caller: Caller, operation: Operation) -> str:
        """Return the model of a request that names none, where OpenAI has a default of its own.

        It is the one that this caller may use for this. Raises InvalidRequest unless there is
        exactly one: no choice is made for the caller.
        """
        offering = self._offering(caller, operation)
        if len(offering) == 1:
            return offering[0]
        raise InvalidRequest(
            "Missing required parameter: 'model'.",
            param="model",
            code="missing_required_parameter",
            hint=f"Models that offer `{operation}`: {_listed(offering)}.",
        )

    def _offering(self, caller: Caller, operation: Operation) -> list[str]:
        return [
            code
            for code, group in self.visible(caller).items()
            if any(each.model.offers(operation) for each in group)
        ]


def _listed(codes: list[str]) -> str:
    return ", ".join(codes[:MODELS_IN_MESSAGE]) or "none"


def _usable(found: tuple[Deployment, ...], caller: Caller) -> tuple[Deployment, ...]:
    return tuple([each for each in found if may_use(caller, each)])


def may_use(caller: Caller, deployment: Deployment) -> bool:
    """Whether this caller may know and use this deployment."""
    model = deployment.model
    if caller.models is not None and not {model.code, model.id} & caller.models:
        return False
    return not model.private or caller is ANYONE or model.visible_to(caller.project)
