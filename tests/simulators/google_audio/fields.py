"""Reading protobuf's JSON as Google's front end does: names are known, enums are words or numbers,
what is 0 or empty is not set.
"""

from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.gemini.errors import bad_field, google_error
from tests.simulators.http import Request
from tests.simulators.rules import decoded

Json = dict[str, Any]


def body_of(request: Request) -> Json:
    """The body. Raises RefusalError in Google's envelope."""
    try:
        return decoded(request.body)
    except RefusalError as error:
        raise google_error(400, "Invalid JSON payload received.") from error


def check_known(given: Json, known: frozenset[str], at: str = "") -> None:
    """Only fields that the message has."""
    for name in given:
        if name not in known:
            words = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
            raise bad_field(at, words)


def part(given: Json, name: str) -> Json:
    """An inner message; empty where it is not set."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_field(name, f"Invalid value at '{name}'")
    return value


def one_of(given: Json, *names: str) -> str | None:
    """Which member of a `oneof` is set; two are refused."""
    found = [name for name in names if given.get(name) is not None]
    if len(found) > 1:
        raise bad_field(found[1], "Invalid value (oneof), oneof field is already set.")
    return found[0] if found else None


def enum_of(given: Json, name: str, words: Mapping[str, int]) -> str | None:
    """The word of an enum that is given as a word or as a number; None where it is not set."""
    value = given.get(name)
    if value in (None, 0):
        return None
    found = next((word for word, number in words.items() if value in (word, number)), None)
    if found is None:
        raise bad_field(name, f"Invalid value at '{name}', \"{value}\"")
    return found


def in_range(given: Json, name: str, low: float, high: float) -> float | None:
    """A number in its bounds; None where it is not set (0 is not set, as in proto3)."""
    value = given.get(name)
    if not value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_field(name, f"Invalid value at '{name}'")
    if not low <= value <= high:
        raise google_error(400, f"Invalid {name}. Must be between {low} and {high}, was {value}.")
    return value
