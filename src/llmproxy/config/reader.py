"""Reading single variables; what does not fit is refused by name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from llmproxy.config.settings import SettingError

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 §5.6.2: what names of headers and methods consist of."""


class Reader:
    """Typed reads from an environment; an empty value counts as absent."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        """Return the value without blanks at its ends."""
        return self._environment.get(name, "").strip() or default

    def folder(self, name: str) -> Path | None:
        """Return a path, None where nothing is said."""
        value = self.text(name, "")
        return Path(value).expanduser() if value else None

    def https(self, name: str) -> str | None:
        """Return an https address, None where nothing is said."""
        value = self.text(name, "")
        if not value:
            return None
        if not is_address(value, ("https",)) or "@" in value:
            raise SettingError(f"{name}: give an address that begins with https://")
        return value

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one of these words, in small letters."""
        value = self.text(name, default).lower()
        if value not in choices:
            known = ", ".join(filter(None, choices))
            raise SettingError(f"{name}={value!r}: give one of {known}")
        return value

    def switch(self, name: str, *, default: bool = False) -> bool:
        """Return whether it is `on`, the other word being `off`."""
        return self.choice(name, "on" if default else "off", ("on", "off")) == "on"

    def listed(self, name: str, default: str = "", separators: str = ",") -> tuple[str, ...]:
        """Return what stands between separators, the characters of a class of `re`."""
        parts = re.split(f"[{separators}]", self.text(name, default))
        return tuple(word for each in parts if (word := each.strip()))

    def whole(self, name: str, default: int, least: int, most: int | None = None) -> int:
        """Return a whole number within these bounds."""
        value = self.text(name, str(default))
        fits = value.isascii() and value.isdigit() and int(value) >= least
        if not fits or (most is not None and int(value) > most):
            upto = "" if most is None else f" and at most {most}"
            raise SettingError(f"{name}={value!r}: give a whole number of at least {least}{upto}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        """Return a number above 0."""
        number = self._number(name, default)
        if not 0 < number < float("inf"):
            value = self.text(name, str(default))
            raise SettingError(f"{name}={value!r}: give seconds, a number above 0")
        return number

    def seconds_from_zero(self, name: str, default: float) -> float:
        """Return a number of at least 0."""
        number = self._number(name, default)
        if not 0 <= number < float("inf"):
            value = self.text(name, str(default))
            raise SettingError(f"{name}={value!r}: give seconds, a number of at least 0")
        return number

    def _number(self, name: str, default: float) -> float:
        try:
            return float(self.text(name, str(default)))
        except ValueError:
            return -1.0


def is_address(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is one with a host, or a path for the scheme `unix`; it may hold a password."""
    try:
        parts = urlsplit(value)
        fits = parts.port != 0
    except ValueError:
        return False
    place = parts.path if parts.scheme == "unix" else parts.hostname
    return fits and parts.scheme in schemes and bool(place)
