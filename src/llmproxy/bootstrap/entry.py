"""Who is let in at the start: the admin key of the environment, and no start without any key."""

import logging
from collections.abc import Mapping

from llmproxy.application.interfaces.registry_state import RegistryState
from llmproxy.application.registry import Registry
from llmproxy.config import AccessSettings, Settings
from llmproxy.domain.caller import Auth, Caller, key_digest
from llmproxy.infra.controllers.health import OPEN_TO_ALL
from llmproxy.infra.controllers.lifespan import StartRefused

logger = logging.getLogger("llmproxy")

FROM_ENVIRONMENT = Caller("environment", None, None, admin=True, expires_at=None)
"""Who calls with LLMPROXY_ADMIN_KEY."""


def admin_from(access: AccessSettings) -> Mapping[bytes, Caller]:
    """Return the caller with the admin key of the environment, by its digest."""
    if access.admin_key is None:
        return {}
    return {key_digest(access.admin_key.expose().encode()): FROM_ENVIRONMENT}


def refuse_without_keys(settings: Settings, *, keyless: bool) -> None:
    """Refuse to serve where keys are needed and none was ever made; warn where none is needed.

    Raises StartRefused, with what to do.
    """
    if settings.auth is Auth.OPEN:
        logger.warning(OPEN_TO_ALL)
    if settings.auth is not Auth.KEYS or not keyless:
        return
    reason = "ENVIRONMENT is not development"
    if not settings.on_loopback:
        reason = f"HOST={settings.host} is reachable from other machines"
    elif settings.access.auth is Auth.KEYS:
        reason = "AUTH=keys"
    raise StartRefused(
        f"{reason}, and this gateway has no keys yet.\n"
        "Make one first:  llmproxy keys create --project NAME  (or set LLMPROXY_ADMIN_KEY)\n"
        "or listen on this machine only, in development:  HOST=127.0.0.1\n"
        "or let everybody use the public models:  AUTH=open"
    )


def registry_figures(registry: Registry, state: RegistryState) -> dict[str, float]:
    """Return the gauges of the registry."""
    snapshot = registry.snapshot
    heard = {} if state.age_s is None else {"heard_seconds_ago": state.age_s}
    return {
        "models": len(snapshot.deployments),
        "left_out": len(snapshot.problems),
        "keys": len(snapshot.keys),
        "current": float(state.current),
        **heard,
    }
