"""A key as an item of the container of keys, and back."""

from collections.abc import Mapping
from typing import Any, Final

from llmproxy.application.interfaces.key_repository import StoredKey, limits_kept

_DIGEST_BYTES: Final = 32


def key_of(document: Mapping[str, Any]) -> StoredKey:
    """Return the key of a document. Raises ValueError, naming the field that makes no sense.

    Nothing is guessed: whoever edits a key in the portal and errs locks it, rather than open more.
    """
    digest = bytes.fromhex(_typed(document, "digest", str))
    if len(digest) != _DIGEST_BYTES:
        raise ValueError("digest is not one of SHA-256")
    models = document.get("models")
    if models is not None and not (
        isinstance(models, list) and all(isinstance(model, str) for model in models)
    ):
        raise ValueError("models is neither null nor a list of texts")
    return StoredKey(
        id=_typed(document, "id", str),
        digest=digest,
        prefix=_typed(document, "prefix", str),
        project=_optional(document, "project", str),
        models=None if models is None else frozenset(models),
        admin=_typed(document, "admin", bool),
        created_at=_time(document, "created_at") or 0.0,
        expires_at=_time(document, "expires_at"),
        revoked_at=_time(document, "revoked_at"),
        replaces=_optional(document, "replaces", str),
        limits=limits_kept(document.get("limits")),
    )


def _typed(document: Mapping[str, Any], name: str, wanted: type) -> Any:  # noqa: ANN401 - JSON
    value = document.get(name)
    if not isinstance(value, wanted):
        raise ValueError(f"{name} is not a {wanted.__name__}")  # noqa: TRY004 - data, not a call
    return value


def _optional(document: Mapping[str, Any], name: str, wanted: type) -> Any:  # noqa: ANN401
    return None if document.get(name) is None else _typed(document, name, wanted)


def _time(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is not a number of seconds")  # noqa: TRY004 - data
    return float(value)
