"""Keys in words, rows and JSON. No key or digest is in any of them."""

from typing import Final

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.cli.moments import moment

HEADERS: Final = ("id", "key", "state", "project", "models", "admin", "created", "expires")


def state(key: StoredKey, now: float) -> str:
    """Return `live`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(now) else "expired"


def row(key: StoredKey, now: float) -> tuple[str, ...]:
    """Return the cells under `HEADERS`."""
    return (
        key.id,
        f"{key.prefix}…",
        state(key, now),
        key.project or "-",
        "all" if key.models is None else ", ".join(sorted(key.models)),
        "yes" if key.admin else "no",
        moment(key.created_at),
        moment(key.expires_at),
    )


def scope(key: StoredKey) -> str:
    """Say what a key opens."""
    models = "all models it can see" if key.models is None else ", ".join(sorted(key.models))
    parts = [f"project {key.project}" if key.project else "no project", models]
    parts.append(
        "never expires" if key.expires_at is None else f"until {moment(key.expires_at)} UTC"
    )
    return "; ".join((*parts, "admin") if key.admin else parts)


def plain(key: StoredKey, now: float) -> dict[str, object]:
    """Return a key for JSON. Times are unix seconds."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "state": state(key, now),
        "project": key.project,
        "models": None if key.models is None else sorted(key.models),
        "admin": key.admin,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "replaces": key.replaces,
    }
