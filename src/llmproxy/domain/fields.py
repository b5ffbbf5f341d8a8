"""Typed reads from a JSON object that gather every complaint instead of stopping at the first."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Final
from unicodedata import category

from llmproxy.domain.problem import Problem

_MAX_TEXT: Final = 2048
_LEAST_S: Final = 0.001
_UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, lone surrogates, line and paragraph separators."""


class Findings:
    """What was found while reading: problems refuse the document, warnings do not."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def problem(self, field: str, message: str, hint: str = "") -> None:
        """Note something that refuses the document."""
        self.problems.append(Problem(field, message, hint))

    def warn(self, field: str, message: str, hint: str = "") -> None:
        """Note something that is probably not what was meant."""
        self.warnings.append(Problem(field, message, hint).text)


class Fields:
    """A JSON object at `path`. A value of null counts as absent.

    Every read returns None when the field is absent or wrong; only the latter is a problem.
    """

    def __init__(self, values: Mapping[str, object], path: str, findings: Findings) -> None:
        self.values = values
        self.findings = findings
        self._path = path

    def path(self, name: str) -> str:
        """Return the full path of a field of this object."""
        return f"{self._path}.{name}" if self._path else name

    def problem(self, name: str, message: str, hint: str = "") -> None:
        """Note a problem of one field."""
        self.findings.problem(self.path(name), message, hint)

    def warn(self, name: str, message: str, hint: str = "") -> None:
        """Note a warning about one field."""
        self.findings.warn(self.path(name), message, hint)

    def require(self, *names: str) -> None:
        """Note a problem for each of these fields that is absent."""
        for name in names:
            if self.values.get(name) is None:
                self.problem(name, "is required")

    def text(self, name: str) -> str | None:
        """Read a string of 1 to 2,048 characters, no control characters, no blanks at its ends."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(name, f"must be a string, not {json_kind(value)}")
        elif not value or value != value.strip():
            self.problem(name, "must not be empty nor begin or end with a blank")
        elif len(value) > _MAX_TEXT or not _is_fit(value):
            self.problem(name, f"must be at most {_MAX_TEXT:,} characters, none of them a control")
        else:
            return value
        return None

    def flag(self, name: str) -> bool | None:
        """Read true or false."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.problem(name, f"must be true or false, not {json_kind(value)}")
        return None

    def section(self, name: str) -> "Fields | None":
        """Read a nested object."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.problem(name, f"must be an object, not {json_kind(value)}")
            return None
        return Fields(value, self.path(name), self.findings)

    def only(self, names: Collection[str], hint: str = "") -> None:
        """Refuse all fields but these, each by its name."""
        for name in self.values:
            if name not in names:
                self.problem(name, "is not known", hint or f"known are {', '.join(names)}")

    def texts(self, name: str) -> list[tuple[str, str]] | None:
        """Read an array of strings: each with the path of its place."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            self.problem(name, f"must be an array of strings, not {json_kind(value)}")
            return None
        places = {f"{name}[{index}]": entry for index, entry in enumerate(value)}
        entries = Fields(places, self._path, self.findings)
        entries.require(*places)
        return [(place, text) for place in places if (text := entries.text(place)) is not None]

    def seconds(self, name: str, most: float) -> float | None:
        """Read a time of at least a millisecond."""
        seconds = self.number(name, _LEAST_S, most)
        return None if seconds is None else float(seconds)

    def number(self, name: str, least: float, most: float) -> float | int | None:
        """Read a number within these bounds; a number in quotes counts."""
        value = self.values.get(name)
        if value is None:
            return None
        number = _number(value)
        if number is None:
            self.problem(name, f"must be a number, not {json_kind(value)}")
        elif not least <= number <= most:
            self.problem(name, f"must be between {least:,} and {most:,}")
        else:
            return number
        return None

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Read a whole number within these bounds; a number in quotes counts."""
        number = self.number(name, least, most)
        if number is None or number == int(number):
            return None if number is None else int(number)
        self.problem(name, "must be a whole number")
        return None


def json_kind(value: object) -> str:
    """Name what a value is in JSON's words, never the value itself: it could be a secret."""
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a string"),
        (Mapping, "an object"),
        ((list, tuple), "an array"),
    )
    if value is None:
        return "null"
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def _is_fit(text: str) -> bool:
    # What is printable has none of them; to ask that of a whole text is ten times as fast.
    return text.isprintable() or not any(category(sign) in _UNFIT for sign in text)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if value.is_integer() else value
    return (
        value if isinstance(value, int) or (isinstance(value, float) and isfinite(value)) else None
    )
