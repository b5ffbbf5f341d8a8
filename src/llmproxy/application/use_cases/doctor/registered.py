"""What is registered: models that cannot serve, limits that do not hold, missing prices."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.doctor.advice import MISSING
from llmproxy.application.use_cases.doctor.findings import (
    Finding,
    Findings,
    named,
    ok,
    problem,
    warning,
)
from llmproxy.domain.caller import Caller


def look_at_models(snapshot: Snapshot) -> Findings:
    """Judge whether each document can serve."""
    if not snapshot.deployments and not snapshot.problems:
        return [warning("there are no models", "llmproxy models import FILE")]
    return [*_bad_documents(snapshot), *_models(snapshot.deployments)]


def _bad_documents(snapshot: Snapshot) -> Iterator[Finding]:
    for name, why in snapshot.problems.items():
        yield problem(
            f"document {name} is left out, so that its model is not found: {why}",
            f"mend it: llmproxy models show {name}, llmproxy models patch {name} FILE",
        )


def _models(deployments: Sequence[Deployment]) -> Iterator[Finding]:
    waiting: dict[str, list[Deployment]] = {}
    for each in deployments:
        if each.not_ready is not None:
            waiting.setdefault(each.not_ready, []).append(each)
    for why, models in waiting.items():
        names = named([each.model.id for each in models])
        yield problem(f"not ready: {names}: {why}", _mend(models[0]))
    ready = sum(each.not_ready is None for each in deployments)
    if ready:
        yield ok(f"ready models: {ready}")


def _mend(deployment: Deployment) -> str:
    parameters = deployment.model.parameters
    if parameters.unresolved:
        return "set the variable in the environment or in .env, and restart"
    secret = parameters.secret_name
    if secret is not None and secret in (deployment.not_ready or ""):
        return MISSING.format(secret=secret)
    return "see what it says, and docs/model-documents.md"


def look_at_limits(snapshot: Snapshot, fault: str | None) -> Findings:
    """Judge limits, budgets and prices together.

    `fault` says why limits cannot be counted, None where they can.
    """
    found = [
        *_unenforceable(snapshot, fault),
        *_without_price(snapshot),
        *_other_currency(snapshot),
        *_unlimited_keys(snapshot),
    ]
    return found or [ok("limits hold, and every model has a price or is free")]


def _unenforceable(snapshot: Snapshot, fault: str | None) -> Iterator[Finding]:
    limited = [name for name, _ in snapshot.limited()]
    if fault is not None and limited:
        yield problem(
            f"calls that have limits ({named(limited)}) are refused: {fault}",
            "set REDIS_URL for all workers, or run one",
        )


def _without_price(snapshot: Snapshot) -> Iterator[Finding]:
    unpriced = [each.model.id for each in snapshot.deployments if each.model.price is None]
    if unpriced:
        yield warning(
            f"models without a price are refused (402 price_missing): {named(unpriced)}",
            'give them costs (llmproxy prices suggest helps), or "free": true',
        )


def _other_currency(snapshot: Snapshot) -> Iterator[Finding]:
    """Budgets refuse what has a price in another currency."""
    prices: dict[str, list[str]] = {}
    for each in snapshot.deployments:
        price = each.model.price
        if price is not None and not price.free:
            prices.setdefault(price.currency, []).append(each.model.id)
    budgets: dict[str, list[str]] = {}
    for name, limits in snapshot.limited():
        if limits.counts_cost:
            budgets.setdefault(limits.currency, []).append(name)
    for currency, names in budgets.items():
        strangers = [
            model for other, models in prices.items() if other != currency for model in models
        ]
        if strangers:
            yield warning(
                f"budgets in {currency} ({named(names)}) refuse models priced otherwise: "
                f"{named(strangers)}",
                "state prices and budgets in one currency",
            )


def _unlimited_keys(snapshot: Snapshot) -> Iterator[Finding]:
    free = [each.key_id for each in snapshot.keys.values() if _unlimited(each)]
    priced = any(
        each.model.price is not None and not each.model.price.free for each in snapshot.deployments
    )
    if free and priced:
        yield warning(
            f"keys without any limit, of their own or of their project: {named(sorted(free))}",
            "llmproxy keys limit ID --limit cost_per_month=100; or limit their projects, by "
            "llmproxy projects limit NAME --limit cost_per_month=1000",
        )


def _unlimited(caller: Caller) -> bool:
    return not caller.admin and caller.limits is None and caller.project_limits is None


def look_for(name: str, snapshot: Snapshot) -> Findings:
    """Say what becomes of a request for a model of this name: the case `model_not_found`."""
    found = snapshot.by_code.get(name) or snapshot.by_id.get(name)
    if found:
        return list(_found(name, found, snapshot.keys.values()))
    if name in snapshot.problems or name in snapshot.documents:
        why = snapshot.problems.get(name, "it cannot be read")
        return [problem(f"{name} is registered, and left out: {why}", "mend its document")]
    near = get_close_matches(name, [*snapshot.by_code, *snapshot.by_id], n=3, cutoff=0.6)
    hint = f"ask for one of {', '.join(near)}, or register it" if near else "register it"
    return [
        problem(
            f"no document has the code or id {name}: requests for it are answered 404",
            f"{hint}: llmproxy models import FILE; GET /v1/models lists what a key sees",
        )
    ]


def _found(
    name: str, deployments: Sequence[Deployment], callers: Collection[Caller]
) -> Iterator[Finding]:
    model = deployments[0].model
    private = [each.model for each in deployments if each.model.private]
    if len(private) == len(deployments):
        projects = sorted(frozenset[str]().union(*(each.projects for each in private)))
        holders = {each.project for each in callers}
        if holders.isdisjoint(projects):
            yield problem(
                f"{name} is private for {named(projects) or 'nobody'}, and no key is of those",
                f"llmproxy keys create --project {projects[0] if projects else 'NAME'}",
            )
        else:
            yield warning(
                f"{name} is private: only keys of {named(projects)} find it, others get 404",
                "use a key of such a project, or let its document say private: false",
            )
    ready = sum(each.not_ready is None for each in deployments)
    operations = ", ".join(sorted(model.operations))
    if ready:
        yield ok(f"{name} is served by {ready} deployments, for {operations}")
    else:
        yield problem(f"no deployment of {name} is ready", "see what is said of its models")
