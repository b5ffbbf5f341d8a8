"""All checks of `llmproxy doctor`, put together."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from llmproxy.application.use_cases.doctor.examine import LIMIT_S, Check, Examined, examine
from llmproxy.application.use_cases.doctor.findings import Finding, Findings
from llmproxy.application.use_cases.doctor.registered import (
    look_at_limits,
    look_at_models,
    look_for,
)
from llmproxy.bootstrap.doctoring.contents import contents_check
from llmproxy.bootstrap.doctoring.keys import keys_check
from llmproxy.bootstrap.doctoring.own_tls import tls_check
from llmproxy.bootstrap.doctoring.running import gateway_at, running_check
from llmproxy.bootstrap.doctoring.scene import NotLoaded, Scene
from llmproxy.bootstrap.doctoring.shared import redis_check
from llmproxy.bootstrap.doctoring.stores import store_check
from llmproxy.bootstrap.doctoring.surroundings import (
    doors_check,
    env_file_check,
    files_check,
    folder_check,
    memory_check,
    not_looked_at,
    settings_check,
)
from llmproxy.bootstrap.doctoring.upstreams import (
    answers_check,
    credentials_check,
    hosts_check,
    secrets_check,
)
from llmproxy.bootstrap.workers import CountedByStore
from llmproxy.config.examining import Examined as ReadSettings
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.telemetry.clock import SystemClock
from llmproxy.infra.wire.hiding import HIDDEN

ANSWER_S = 60.0
"""For all answers together, when models are asked."""


class Wanted(NamedTuple):
    """What to look at: models by name, whether to ask them, a gateway that runs."""

    models: tuple[str, ...] = ()
    ask: bool = False
    url: str | None = None
    limit_s: float = LIMIT_S


class EnvFile(NamedTuple):
    """The file of variables that was read, or why it could not be."""

    path: Path | None
    fault: str | None


async def examination(
    read: ReadSettings, env: EnvFile, wanted: Wanted, told: Callable[[int, int, str], None]
) -> list[Examined]:
    """Run all checks, and return their findings in order. No secret is in them.

    `told` hears how many of all are done, and which was the last. Raises SettingError for a --url
    that is none.
    """
    async with AsyncExitStack() as stack:
        scene = Scene(read.settings, stack, SystemClock())
        checks = checks_of(scene, read, env, wanted)
        done: dict[str, Examined] = {}
        async for each in examine(checks, wanted.limit_s):
            done[each.name] = each._replace(findings=[_bare(found) for found in each.findings])
            told(len(done), len(checks), each.name)
        return [done[check.name] for check in checks]


def checks_of(scene: Scene, read: ReadSettings, env: EnvFile, wanted: Wanted) -> list[Check]:
    """Return the checks, in the order in which people read them."""
    limit_s = min(scene.settings.connect_timeout_s, wanted.limit_s)
    checks = [
        Check("environment", partial(env_file_check, env.path, env.fault)),
        Check("settings", partial(settings_check, scene, read)),
        Check("access", partial(doors_check, scene)),
        Check("tls", partial(tls_check, scene)),
        Check("contents", partial(contents_check, scene)),
        Check("data folder", partial(folder_check, scene)),
        Check("open files", partial(files_check, scene)),
        Check("memory", partial(memory_check, scene)),
        Check("store", partial(store_check, scene)),
        Check("redis", partial(redis_check, scene)),
        Check("models", _registered(partial(_models, scene))),
        Check("secrets", _registered(partial(secrets_check, scene))),
        Check("credentials", _registered(partial(credentials_check, scene))),
        Check("hosts", _registered(partial(hosts_check, scene, limit_s))),
        Check("keys", _registered(partial(keys_check, scene, limit_s))),
        Check("limits", _registered(partial(_limits, scene))),
    ]
    checks += [
        Check(f"model {name}", _registered(partial(_named, scene, name))) for name in wanted.models
    ]
    if wanted.ask:
        asking = partial(answers_check, scene, wanted.limit_s)
        checks.append(Check("answers", _registered(asking), ANSWER_S))
    if wanted.url is not None:
        place = gateway_at(wanted.url)
        asking = partial(running_check, place, scene.settings, wanted.limit_s)
        checks.append(Check("gateway", asking))
    return checks


def _registered(look: Callable[[], Awaitable[Findings]]) -> Callable[[], Awaitable[Findings]]:
    """Return the same look, which says so where the registry cannot be read."""

    async def looked() -> Findings:
        try:
            return await look()
        except NotLoaded:
            return not_looked_at()

    return looked


async def _models(scene: Scene) -> Findings:
    return look_at_models((await scene.loaded()).snapshot)


async def _limits(scene: Scene) -> Findings:
    snapshot = (await scene.loaded()).snapshot
    counting = CountedByStore(scene.settings)
    return look_at_limits(snapshot, await in_thread(counting.fault, "workers"))


async def _named(scene: Scene, name: str) -> Findings:
    return look_for(name, (await scene.loaded()).snapshot)


def _bare(finding: Finding) -> Finding:
    """Return the finding without any secret: a provider may repeat the key that it was sent."""
    return finding._replace(what=HIDDEN.hide(finding.what))
