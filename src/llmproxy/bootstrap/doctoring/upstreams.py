"""Checks of what models need: secrets, tokens, hosts; with --ask whether they answer."""

import asyncio
from collections.abc import Iterable
from typing import Final

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.use_cases.check_model import CheckModel, CheckResult, Verdict
from llmproxy.application.use_cases.doctor.advice import LATE, MISSING, advice
from llmproxy.application.use_cases.doctor.findings import (
    Finding,
    Findings,
    named,
    ok,
    problem,
    warning,
)
from llmproxy.application.use_cases.doctor.machine import look_at_certificate, look_at_skew
from llmproxy.bootstrap.checking import open_probe
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.config import Settings
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.operation import Operation
from llmproxy.domain.secret_reference import references_of
from llmproxy.infra.providers.credentials.refresher import Refresher
from llmproxy.infra.providers.reaching import Reached, origins_of, reach
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    Silent,
    TransportError,
    Unresolved,
    Untrusted,
    Wait,
)
from llmproxy.infra.providers.transport.target import Origin

AT_ONCE: Final = 16
WEBHOOK: Final = "the webhook of ALERT_WEBHOOK_URL"
COLLECTOR: Final = "the collector of OTEL_EXPORTER_OTLP_ENDPOINT"
AZURE: Final = "Application Insights"
ADVICE: Final = {
    Unresolved: "see that the host is spelt right, and that DNS answers here",
    Untrusted: "whoever runs it must renew its certificate; an authority of your own is named by "
    "SSL_CERT_FILE",
    ConnectFailed: "see that it runs, and that a firewall or proxy (HTTPS_PROXY, NO_PROXY) lets "
    "this machine through",
}


async def secrets_check(scene: Scene) -> Findings:
    """See that every secret that documents name is found; none is shown."""
    snapshot = (await scene.loaded()).snapshot
    users: dict[str, list[str]] = {}
    for each in snapshot.deployments:
        for name in references_of(each.model):
            users.setdefault(name, []).append(each.model.id)
    await scene.secrets.prepare(users)
    found: list[Finding] = []
    for name, models in sorted(users.items()):
        try:
            scene.secrets.resolve(name)
        except SecretMissing as error:
            todo = MISSING.format(secret=name)
            found.append(problem(f"{error}; needed by {named(models)}", todo))
    for place, fault in scene.secrets.states().items():
        if fault is not None:
            todo = "see that it can be reached and read: docs/secrets.md"
            found.append(problem(f"{place}: {fault}", todo))
    return found or [ok(f"all {len(users)} secrets that documents name are found")]


async def credentials_check(scene: Scene) -> Findings:
    """See that a token can be had for every identity."""
    snapshot = (await scene.loaded()).snapshot
    refreshers: dict[int, Refresher] = {}
    for each in snapshot.deployments:
        try:
            credential = scene.credentials.of(each.model)
        except (ValueError, SecretMissing):
            continue  # the model is not ready, and says why
        if isinstance(credential, Refresher):
            refreshers[id(credential)] = credential
    return [*await asyncio.gather(*map(_token, refreshers.values()))] or [
        ok("no model needs a token that expires")
    ]


async def _token(credential: Refresher) -> Finding:
    try:
        await credential.ready()
    except GatewayError as error:
        return problem(
            f"no token: {error.detail}",
            "see that tenant, client and secret (or the workload's identity, or the service "
            "account's key) are right: docs/credentials.md",
        )
    return ok(f"{credential.name}: a token was had")


async def hosts_check(scene: Scene, limit_s: float) -> Findings:
    """See that the hosts of all deployments can be reached, and that their certificates hold."""
    loaded = await scene.loaded()
    users: dict[Origin, list[str]] = {}
    for each in loaded.snapshot.deployments:
        noted = loaded.noted.get(each.model.id, set())
        for origin in await origins_of(each, scene.client, noted):
            users.setdefault(origin, []).append(each.model.id)
    for url, name in _others(scene.settings):
        names = users.setdefault(scene.client.target(url, {}).origin, [])
        if name not in names:
            names.append(name)
    turns = asyncio.Semaphore(AT_ONCE)

    async def look(origin: Origin, models: list[str]) -> list[Finding]:
        async with turns:
            return await _host(scene, origin, models, limit_s)

    looks = [look(origin, models) for origin, models in users.items()]
    found = [finding for each in await asyncio.gather(*looks) for finding in each]
    return found or [ok("no model calls another host")]


def _others(settings: Settings) -> Iterable[tuple[str, str]]:
    """Yield the addresses that are told of things, with what they are."""
    if settings.alert_webhook is not None:
        yield settings.alert_webhook.expose(), WEBHOOK
    tracing = settings.tracing
    collector = None if tracing is None else tracing.collector
    if collector is not None and collector.certificate is None:
        for url in filter(None, (collector.traces_url, collector.metrics_url)):
            yield url, COLLECTOR
    if tracing is not None and tracing.azure_endpoint is not None:
        yield tracing.azure_endpoint, AZURE


async def _host(scene: Scene, origin: Origin, models: list[str], limit_s: float) -> list[Finding]:
    place = f"{origin.host}:{origin.port}"
    try:
        reached = await reach(scene.client, origin, limit_s, scene.clock)
    except TransportError as error:
        return [problem(f"{place} ({named(models)}): {error}", _todo(error))]
    return [*_reached(place, models, reached)]


def _reached(place: str, models: list[str], reached: Reached) -> Iterable[Finding]:
    yield ok(f"{place} ({named(models)}) answers in {reached.took_s * 1000:.0f} ms")
    if reached.certificate_left_s is not None:
        ends = look_at_certificate(place, reached.certificate_left_s)
        if ends is not None:
            yield ends
    if reached.skew_s is not None:
        skew = look_at_skew(place, reached.skew_s)
        if skew.todo:  # of two clocks it is not known which one is wrong
            yield warning(skew.what, skew.todo)


def _todo(error: TransportError) -> str:
    if isinstance(error, Silent):
        if error.what is Wait.CONNECT:
            return "a firewall may drop what is sent: see the way to it, and HTTPS_PROXY"
        return "it takes connections and says nothing: see that it is the right port, and well"
    return next(
        (todo for kind, todo in ADVICE.items() if isinstance(error, kind)),
        "see that it speaks HTTP/1.1 at this port, over TLS if the endpoint says https",
    )


async def answers_check(scene: Scene, limit_s: float) -> Findings:
    """Ask each model one short question, which costs some tokens."""
    deployments = (await scene.loaded()).snapshot.deployments
    asked = [each for each in deployments if each.not_ready is None and _chats(each)]
    models = [each.model for each in asked]
    async with open_probe(scene.settings, scene.clock, models) as probe:
        checks = CheckModel(probe, scene.clock, timeout_s=limit_s)
        results = {each.model.id: each async for each in checks.each(models)}
    found = [_answered(results[model.id]) for model in models]
    return found or [ok("no ready model offers chat completions: none was asked")]


def _answered(result: CheckResult) -> Finding:
    model, error = result.model, result.error
    if result.verdict is Verdict.OK:
        return ok(f"{model.id} answers")
    if isinstance(error, GatewayError):
        return problem(f"{model.id} ({error.code}): {result.reason}", advice(error, model))
    todo = LATE if isinstance(error, TimeoutError) else "set it, or name another"
    return problem(f"{model.id}: {result.reason}", todo)


def _chats(deployment: Deployment) -> bool:
    return deployment.model.offers(Operation.CHAT_COMPLETION)
