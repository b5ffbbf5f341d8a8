"""Which models exist and who may call.

One immutable snapshot, swapped whole, read without any store.
"""

from collections.abc import Callable, Iterator

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Scope, ScopeKind
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot, may_use
from llmproxy.domain.anonymous import anonymous
from llmproxy.domain.caller import ANYONE, Auth, Caller, key_digest
from llmproxy.domain.errors import (
    Forbidden,
    InvalidRequest,
    OperationNotSupported,
    Unauthenticated,
    Unavailable,
    UnknownModel,
)
from llmproxy.domain.limit import narrowest
from llmproxy.domain.operation import Operation
from llmproxy.domain.routing import Routing, first_stated

_Asked = tuple[str, str | None, frozenset[str] | None, Operation]
MODELS_IN_MESSAGE = 20
MAX_PLANS = 4096
"""Answers that are remembered until the next snapshot: calls of a project for a model are many."""


class Registry:
    """Answers from the current snapshot.

    `install` swaps it; a request keeps the one it began with.
    """

    def __init__(self, clock: Clock, auth: Auth = Auth.LOCAL) -> None:
        self._clock = clock
        self._auth = auth
        self._snapshot: Snapshot | None = None
        self._plans: dict[_Asked, tuple[Deployment, ...]] = {}
        self._scopes: dict[tuple[str | None, str, int, int], tuple[Scope, ...]] = {}
        self._routings: dict[str, Routing] = {}
        self.installed: list[Callable[[Snapshot], None]] = []
        """Called with every snapshot, once it is the one to answer from."""
        self.replacing: list[Callable[[], None]] = []
        """Told before another snapshot takes the place of the present one."""

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
        for told_before in self.replacing:
            told_before()
        self._snapshot = snapshot
        self._plans.clear()
        self._scopes.clear()
        self._routings.clear()
        for told in self.installed:
            told(snapshot)

    def routing(self, code: str) -> Routing:
        """Return what the documents of a model say of all of it, also those that cannot serve."""
        routing = self._routings.get(code)
        if routing is None:
            group = self.snapshot.by_code.get(code, ())
            routing = self._routings[code] = first_stated(each.model.routing for each in group)
        return routing

    def scopes(self, caller: Caller, code: str) -> tuple[Scope, ...]:
        """Return what limits this caller's calls for a model: its key, its project, the model."""
        # A call that began before its key's limits were changed brings those of then: they are part
        # of the question. What is remembered holds them, so that no other limits get their `id`.
        limits, of_project = caller.limits, caller.project_limits
        who = caller.project if limits is None else caller.key_id
        asked = (who, code, id(limits), id(of_project))
        scopes = self._scopes.get(asked)
        if scopes is None:
            if len(self._scopes) >= MAX_PLANS:
                self._scopes.clear()
            scopes = self._scopes[asked] = (*scopes_of(caller), *self._scopes_of_model(code))
        return scopes

    def _scopes_of_model(self, code: str) -> Iterator[Scope]:
        """Yield the model's limits.

        Budgets in a second currency refuse what has a price, and count under a name of their own.
        """
        of_model = [each.model.model_limits for each in self.snapshot.by_code.get(code, ())]
        for number, limits in enumerate(narrowest(each for each in of_model if each is not None)):
            name = f"{code} ({limits.currency})" if number else code
            yield Scope(ScopeKind.MODEL, name, limits)

    def limited(self) -> list[Scope]:
        """Return all that is limited now; looks at every key, so not for requests."""
        snapshot = self.snapshot
        found = [scope for caller in snapshot.keys.values() for scope in scopes_of(caller)]
        for code in snapshot.by_code:
            found += self.scopes(ANYONE, code)
        found += [each.scope for each in snapshot.deployments if each.scope is not None]
        return list({(scope.kind, scope.name, scope.limits): scope for scope in found}.values())

    def authenticate(
        self,
        key: bytes | None,
        is_local: Callable[[], bool],
        named_project: Callable[[], bytes | None] = lambda: None,
    ) -> Caller:
        """Return whose key this is.

        The words never tell unknown from revoked. `named_project` is what a caller without a key
        gives as the project to count its usage for.

        Raises:
            Unauthenticated: without a key that is known and has not expired.
            Forbidden: when the key's project is suspended.
            InvalidRequest: when the named project is no name.

        """
        snapshot = self.snapshot
        if key and snapshot.keys:
            caller = snapshot.keys.get(key_digest(key))
            if caller is not None:
                if caller.expires_at is not None or caller.suspended:
                    self._check(caller)
                return caller
        return self._without_key(snapshot, key, is_local, named_project)

    def administrator(self, key: bytes | None, is_local: Callable[[], bool]) -> Caller:
        """Return whose admin key this is. Raises as `authenticate`, and Forbidden for any other."""
        caller = self.authenticate(key, is_local)
        if caller.anonymous:
            raise Unauthenticated(
                "Administration needs an admin key.",
                hint="Make one with `llmproxy keys create --admin`, or set LLMPROXY_ADMIN_KEY.",
            )
        if not caller.admin:
            raise Forbidden(
                "This API key may not administer the gateway.",
                code="admin_key_required",
                hint="Use an admin key: `llmproxy keys create --admin`.",
            )
        return caller

    def operator(self, key: bytes | None, is_local: Callable[[], bool]) -> Caller:
        """Return who may see the gateway's own state: administrators.

        While no key was ever made this machine itself too. Raises as `administrator`.
        """
        if self._auth is Auth.LOCAL:
            caller = self.authenticate(key, is_local)
            if caller.anonymous:
                return caller
        return self.administrator(key, is_local)

    def _without_key(
        self,
        snapshot: Snapshot,
        key: bytes | None,
        is_local: Callable[[], bool],
        named_project: Callable[[], bytes | None],
    ) -> Caller:
        if self._auth is Auth.OPEN:
            return anonymous(named_project())
        if self._auth is Auth.LOCAL and snapshot.keyless:
            if is_local():
                return anonymous(named_project())
            raise Unauthenticated(
                "This gateway has no keys yet and serves only its own machine.",
                hint="Make one with `llmproxy keys create --project NAME`.",
            )
        if not key:
            raise Unauthenticated(
                "You didn't provide an API key.",
                hint="Send it in an Authorization header: `Authorization: Bearer YOUR_KEY`.",
            )
        raise Unauthenticated("Incorrect API key provided.")

    def vouched(self, key_id: str, is_local: Callable[[], bool]) -> Caller:
        """Return the caller whose key has this id, for whom something else than the key vouches.

        Raises Unauthenticated or Forbidden when that key would not be let in itself.
        """
        if key_id == ANYONE.key_id:
            return self.authenticate(None, is_local)
        caller = self.snapshot.caller(key_id)
        if caller is None:
            raise Unauthenticated("Incorrect API key provided.")
        self._check(caller)
        return caller

    def _check(self, caller: Caller) -> None:
        if caller.expires_at is not None and caller.expires_at <= self._clock.now():
            raise Unauthenticated("This API key has expired.", hint="Ask for a new one.")
        if caller.suspended:
            raise Forbidden(
                "The project of this API key is suspended.",
                code="project_suspended",
                hint="An administrator can resume it.",
            )

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
        # What `may_use` looks at, and nothing else: many keys have one plan, and what goes by it.
        asked = (name, caller.project, caller.models, operation)
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


def scopes_of(caller: Caller) -> tuple[Scope, ...]:
    """Return what limits all calls of this caller: its key and its project."""
    scopes = []
    if caller.limits is not None:
        scopes.append(Scope(ScopeKind.KEY, caller.key_id, caller.limits))
    if caller.project_limits is not None and caller.project is not None:
        scopes.append(Scope(ScopeKind.PROJECT, caller.project, caller.project_limits))
    return tuple(scopes)


def _listed(codes: list[str]) -> str:
    return ", ".join(codes[:MODELS_IN_MESSAGE]) or "none"


def _usable(found: tuple[Deployment, ...], caller: Caller) -> tuple[Deployment, ...]:
    return tuple([each for each in found if may_use(caller, each)])
