"""The check of keys: whether providers take them, asked for their lists of models."""

import asyncio
from typing import Final, NamedTuple

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.application.use_cases.doctor.advice import KEY, ROLE
from llmproxy.application.use_cases.doctor.findings import (
    Finding,
    Findings,
    named,
    ok,
    problem,
    warning,
)
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.model import Model
from llmproxy.infra.providers.credentials.credential import Credential
from llmproxy.infra.providers.keys_taken import List, list_of, status_of
from llmproxy.infra.providers.transport.errors import TransportError

AT_ONCE: Final = 16
UNKNOWN, FORBIDDEN = 401, 403


class _Account(NamedTuple):
    """A list with who asks for it: the name of a secret, or of an identity."""

    asked: List
    credential: Credential | None
    who: str


async def keys_check(scene: Scene, limit_s: float) -> Findings:
    """Ask each account once, whatever the number of its models."""
    accounts: dict[tuple[str, str], tuple[_Account, list[str]]] = {}
    for each in (await scene.loaded()).snapshot.deployments:
        account = _account(scene, each.model) if each.not_ready is None else None
        if account is not None:
            place = (account.asked.url, account.who)
            accounts.setdefault(place, (account, []))[1].append(each.model.id)
    turns = asyncio.Semaphore(AT_ONCE)

    async def look(account: _Account, models: list[str]) -> Finding | None:
        async with turns:
            return await _looked(scene, account, models, limit_s)

    found = await asyncio.gather(*(look(*each) for each in accounts.values()))
    bad = [each for each in found if each is not None]
    return bad or [ok(f"no key is refused; asked: {len(accounts)}")]


def _account(scene: Scene, model: Model) -> _Account | None:
    try:
        credential = scene.credentials.of(model)
        secret = scene.credentials.key(model) if credential is None else None
        asked = list_of(model, secret)
    except (SecretMissing, ValueError):
        return None  # the model is not ready, and says why
    who = model.parameters.secret_name or ("its identity" if credential is not None else "")
    return None if asked is None or not who else _Account(asked, credential, who)


async def _looked(
    scene: Scene, account: _Account, models: list[str], limit_s: float
) -> Finding | None:
    try:
        status = await status_of(scene.client, account.asked, account.credential, limit_s)
    except (TransportError, GatewayError):
        return None  # the checks of hosts and of credentials say why
    todo = ROLE if account.credential is not None else KEY.replace("{secret}", account.who)
    if status == UNKNOWN:
        said = f"the provider of {named(models)} refuses {account.who} (HTTP {status})"
        return problem(said, todo)
    if status == FORBIDDEN:
        said = f"the provider of {named(models)} lets {account.who} list no models (HTTP {status})"
        return warning(said, "it may answer all the same: llmproxy doctor --ask finds out")
    return None
