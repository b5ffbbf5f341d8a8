"""Keys in words, rows and JSON. No key or digest is in any of them."""

from typing import Final

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.cli.limits import limit_words
from llmproxy.cli.moments import moment

HEADERS: Final = (
    "id",
    "key",
    "state",
    "project",
    "models",
    "admin",
    "created",
    "expires",
    "limits",
)


def row(key: StoredKey, now: float) -> tuple[str, ...]:
    """Return the cells under `HEADERS`."""
    return (
        key.id,
        f"{key.prefix}…",
        key.state(now),
        key.project or "-",
        "all" if key.models is None else ", ".join(sorted(key.models)),
        "yes" if key.admin else "no",
        moment(key.created_at),
        moment(key.expires_at),
        limit_words(key.limits),
    )


def scope(key: StoredKey) -> str:
    """Say what a key opens."""
    models = "all models it can see" if key.models is None else ", ".join(sorted(key.models))
    parts = [f"project {key.project}" if key.project else "no project", models]
    parts.append(
        "never expires" if key.expires_at is None else f"until {moment(key.expires_at)} UTC"
    )
    if key.limits is not None:
        parts.append(limit_words(key.limits))
    return "; ".join((*parts, "admin") if key.admin else parts)


def plain(key: StoredKey, now: float) -> dict[str, object]:
    """Return a key for JSON. Times are unix seconds."""
    return {**key.shown(), "state": key.state(now)}
