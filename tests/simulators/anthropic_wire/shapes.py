"""Checks of JSON by its shape, with the API's words: `messages.0.foo: Extra inputs are not
permitted`. A check takes the place and the value, and raises a 400.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.anthropic_wire.errors import invalid

Check = Callable[[str, Any], None]


def under(where: str, name: object) -> str:
    """The place of a part."""
    return f"{where}.{name}" if where else str(name)


def anything(_where: str, _value: object) -> None:
    """Takes every value."""


def text(where: str, value: object) -> None:
    """Takes a string."""
    if not isinstance(value, str):
        raise invalid(f"{where}: Input should be a valid string")


def boolean(where: str, value: object) -> None:
    """Takes true and false."""
    if not isinstance(value, bool):
        raise invalid(f"{where}: Input should be a valid boolean")


def mapping(where: str, value: object) -> None:
    """Takes any object."""
    if not isinstance(value, dict):
        raise invalid(f"{where}: Input should be a valid dictionary")


def integer(low: int) -> Check:
    """Takes whole numbers from `low` on."""

    def check(where: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{where}: Input should be a valid integer")
        if value < low:
            raise invalid(f"{where}: Input should be greater than or equal to {low}")

    return check


def fraction(where: str, value: object) -> None:
    """Takes numbers from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{where}: Input should be a valid number")
    if not 0 <= value <= 1:
        raise invalid(f"{where}: range: 0..1")


def one_of(*allowed: str) -> Check:
    """Takes one of these words."""
    shown = ", ".join(f"'{word}'" for word in allowed[:-1])
    words = f"{shown} or '{allowed[-1]}'" if shown else f"'{allowed[-1]}'"

    def check(where: str, value: object) -> None:
        if value not in allowed:
            raise invalid(f"{where}: Input should be {words}")

    return check


def matching(pattern: str) -> Check:
    """Takes strings that match as a whole."""

    def check(where: str, value: object) -> None:
        text(where, value)
        if not re.fullmatch(pattern, str(value)):
            raise invalid(f"{where}: String should match pattern '^{pattern}$'")

    return check


def nullable(inner: Check) -> Check:
    """Takes null too."""

    def check(where: str, value: object) -> None:
        if value is not None:
            inner(where, value)

    return check


def items(inner: Check) -> Check:
    """Takes a list of such."""

    def check(where: str, value: object) -> None:
        if not isinstance(value, list):
            raise invalid(f"{where}: Input should be a valid list")
        for index, item in enumerate(value):
            inner(under(where, index), item)

    return check


def text_or(inner: Check) -> Check:
    """Takes a string, or what `inner` takes."""

    def check(where: str, value: object) -> None:
        if not isinstance(value, str):
            inner(where, value)

    return check


def record(fields: Mapping[str, Check], *required: str) -> Check:
    """Takes an object with these fields and no other."""

    def check(where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise invalid(f"{where}: Input should be a valid dictionary")
        for name in required:
            if name not in value:
                raise invalid(f"{under(where, name)}: Field required")
        for name, part in value.items():
            if name not in fields:
                raise invalid(f"{under(where, name)}: Extra inputs are not permitted")
            fields[name](under(where, name), part)

    return check


def tagged(variants: Mapping[str, Check]) -> Check:
    """Takes an object whose `type` says which of the variants it is."""
    known = ", ".join(f"'{tag}'" for tag in sorted(variants))

    def check(where: str, value: object) -> None:
        mapping(where, value)
        assert isinstance(value, dict)
        if "type" not in value:
            raise invalid(f"{where}.type: Field required")
        tag = value["type"]
        if not isinstance(tag, str) or tag not in variants:
            raise invalid(
                f"{where}: Input tag '{tag}' found using 'type' does not match any of the expected "
                f"tags: {known}"
            )
        variants[tag](under(where, tag), value)

    return check
