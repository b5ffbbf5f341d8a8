"""What a check finds, as people read it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """The gateway serves, and somebody should know."""
    PROBLEM = "problem"
    """Calls fail, money is lost, or a door is open."""


class Finding(NamedTuple):
    """One sentence that says what is so, and one that says what to do; that one is empty for ok."""

    level: Level
    what: str
    todo: str = ""


Findings = Sequence[Finding]

MOST_NAMED: Final = 5
"""Models, keys and projects that one sentence names."""


def ok(what: str) -> Finding:
    """Return what is well."""
    return Finding(Level.OK, what)


def warning(what: str, todo: str) -> Finding:
    """Return what somebody should look at."""
    return Finding(Level.WARNING, what, todo)


def problem(what: str, todo: str) -> Finding:
    """Return what does not work."""
    return Finding(Level.PROBLEM, what, todo)


def named(names: Sequence[str]) -> str:
    """Name the first of many."""
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
