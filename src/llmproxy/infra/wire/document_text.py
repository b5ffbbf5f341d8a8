"""Model documents as text: how they are stored, and how two of them are compared."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

_ETAG_LENGTH: Final = 32


def document_text(document: Mapping[str, object]) -> str:
    """Return the document as one line of JSON, its fields in the order they were written."""
    return json.dumps(dict(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def document_etag(document: Mapping[str, object]) -> str:
    """Return 32 hex digits that depend on the content alone, not on the order of the fields."""
    canonical = json.dumps(
        dict(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return sha256(canonical.encode()).hexdigest()[:_ETAG_LENGTH]


def document_from(text: str | bytes) -> dict[str, object]:
    """Return the document of a text. Raises ValueError or TypeError when it holds none."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise TypeError("a stored document is not a JSON object")
    return document
