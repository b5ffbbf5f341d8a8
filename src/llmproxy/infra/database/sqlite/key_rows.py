"""How a key stands in the `keys` table: its digest only."""

import json
from typing import Final

from llmproxy.application.interfaces.key_repository import StoredKey, limits_kept

Row = tuple[
    float,
    str,
    str,
    str,
    str | None,
    bytes | str | None,
    int,
    float | None,
    float | None,
    str | None,
    bytes | str | None,
]

NAMES: Final = (
    "created_at, id, digest, prefix, project, models, admin, expires_at, revoked_at, replaces, "
    "limits"
)
# A text that is not UTF-8 would fail the whole query; as bytes it fails its own key.
COLUMNS: Final = NAMES.replace("models", "CAST(models AS BLOB)").replace(
    "limits", "CAST(limits AS BLOB)"
)


class DamagedKeyError(ValueError):
    """A row cannot be read; the message says why and what to do."""


def row_of(key: StoredKey) -> Row:
    """Write a key as the columns NAMES."""
    models = None if key.models is None else json.dumps(sorted(key.models), ensure_ascii=False)
    return (
        key.created_at,
        key.id,
        key.digest.hex(),
        key.prefix,
        key.project,
        models,
        int(key.admin),
        key.expires_at,
        key.revoked_at,
        key.replaces,
        None if key.limits is None else json.dumps(key.limits.document()),
    )


def key_of(row: Row) -> StoredKey:
    """Read a row of COLUMNS. Raises DamagedKeyError."""
    created_at, key_id, digest, prefix, project, models, admin = row[:7]
    expires_at, revoked_at, replaces, limits = row[7:]
    try:
        return StoredKey(
            key_id,
            bytes.fromhex(digest),
            prefix,
            project,
            None if models is None else _codes(models),
            bool(admin),
            created_at,
            expires_at,
            revoked_at,
            replaces,
            None if limits is None else limits_kept(json.loads(limits)),
        )
    except (ValueError, TypeError) as error:
        raise DamagedKeyError(
            f"the stored key {key_id} is damaged ({error}): revoke it and create another"
        ) from error


def _codes(models: bytes | str) -> frozenset[str]:
    codes = json.loads(models)
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise TypeError("its models are not an array of strings")
    return frozenset(codes)
