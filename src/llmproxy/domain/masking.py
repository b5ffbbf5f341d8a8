"""Hiding what could be a secret before a document is shown or recorded.

Documents hold names of secrets, never secrets, and `parse_model` refuses the latter where it knows
the field. A field that only its writer knows may hold one all the same.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from llmproxy.domain.secret_reference import looks_literal

MASK: Final = "*****"

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRETIVE: Final = (
    "key", "secret", "token", "password", "passwd", "authorization", "credential",
)  # fmt: skip


def masked(document: Mapping[str, object]) -> dict[str, object]:
    """Return a copy in which texts under names such as `api_key` are masked.

    Names of secrets stay, because whoever reads of a change must see which secret is meant.
    """
    return {name: _masked(value, _smells(name)) for name, value in document.items()}


def mask_places(value: object, path: str = "") -> Iterator[str]:
    """Return where masks stand in a document: somebody has sent back what was shown."""
    if value == MASK:
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from mask_places(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from mask_places(inner, f"{path}[{index}]")


def _masked(value: object, secretive: bool) -> object:  # noqa: FBT001 - private, said by position
    if isinstance(value, Mapping):
        return {name: _masked(inner, secretive or _smells(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, secretive) for inner in value]
    return MASK if secretive and isinstance(value, str) and looks_literal(value) else value


def _smells(name: object) -> bool:
    words = _WORDS.findall(str(name))
    return any(word.lower().removesuffix("s").endswith(_SECRETIVE) for word in words)
