"""docs/errors.md has every code that the gateway answers with, as the table of errors has it."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from llmproxy.application.steps.admission import NOT_READY
from llmproxy.domain import errors
from llmproxy.infra.controllers.errors import CRASH, STOPPING, TABLE, Row, envelope
from llmproxy.infra.providers.google_media.audio_given import TOO_LONG
from llmproxy.infra.providers.openai_wire.failures import BROKEN, SILENT
from tests.unit.docs.pages import ROOT, read

PAGE = read("errors.md")
LINE = re.compile(r"^\| (\d{3}) \| (.+?) \| (.+?) \| (.+?) \| .+ \| .+ \|$", re.MULTILINE)
WORD = re.compile(r"`([a-z_]+)`")
AGAIN = {"yes": True, "no": False, "the SDK decides": None}
BOUNDS = (
    "integer_below_min_value", "integer_above_max_value",
    "decimal_below_min_value", "decimal_above_max_value",
)  # fmt: skip
NAMED: dict[str, type[errors.GatewayError]] = {
    **{code: errors.TimedOut for _, code in SILENT.values()},
    **{code: errors.Broken for _, code in BROKEN.values() if code},
    **dict.fromkeys(BOUNDS, errors.InvalidRequest),
    NOT_READY: errors.OwnFault,
    STOPPING: errors.Unavailable,
    TOO_LONG: errors.InvalidRequest,
}
"""Codes that no call spells out, with their errors."""


class Told(NamedTuple):
    """What the page says of a code."""

    status: int
    type: str
    again: bool | None


@cache
def told() -> dict[str, Told]:
    """What the page says, by code."""
    found: dict[str, Told] = {}
    for status, codes, kind, again in LINE.findall(PAGE):
        for code in WORD.findall(codes):
            assert code not in found, f"{code} is there twice"
            found[code] = Told(int(status), kind.strip("`"), AGAIN[again])
    return found


def raised() -> Iterator[tuple[str, type[errors.GatewayError]]]:
    """Every code that the source spells out where it makes an error, with the error's class."""
    for path in sorted((ROOT / "src/llmproxy").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                kind = made_by(node)
                yield from ((code, kind) for code in codes_of(node) if kind is not None)


def made_by(call: ast.Call) -> type[errors.GatewayError] | None:
    """The error that a call makes; functions called `invalid` refuse a field."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name.strip("_") == "invalid":
        return errors.InvalidRequest
    kind = getattr(errors, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, errors.GatewayError) else None


def codes_of(call: ast.Call) -> Iterator[str]:
    """The texts that its argument `code` may be."""
    for keyword in call.keywords:
        if keyword.arg == "code":
            parts = keyword.value
            branches = (parts.body, parts.orelse) if isinstance(parts, ast.IfExp) else (parts,)
            yield from (
                each.value
                for each in branches
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def row(kind: type[errors.GatewayError]) -> Row:
    """The row of an error's class."""
    return next(TABLE[each] for each in kind.__mro__ if each in TABLE)


@cache
def expected() -> dict[str, set[Row]]:
    """The rows of every code that there is."""
    pairs = [*raised(), *NAMED.items()]
    pairs += [(kind.default_code, kind) for kind in TABLE if kind.default_code]
    found: dict[str, set[Row]] = {"internal_error": {CRASH}}
    for code, kind in pairs:
        found.setdefault(code, set()).add(row(kind))
    return found


def test_every_code_is_told() -> None:
    """And no other but what translated providers say of a refusal."""
    assert len(expected()) > 60
    assert set(told()) == set(expected())


@pytest.mark.parametrize("code", sorted(expected()))
def test_a_code_is_told_as_it_is(code: str) -> None:
    """Status, type and whether it may be sent again are those of the table."""
    [known] = {(row.status, row.type, row.retry) for row in expected()[code]}
    assert told()[code] == Told(*known)


def test_what_has_no_code_is_told_too() -> None:
    """The two errors without a default code stand in the text."""
    without = {kind.__name__ for kind in TABLE if kind.default_code is None}
    assert without == {"InvalidRequest", "UnknownResponse"}
    assert "whose `code` is null" in PAGE


def test_every_limit_of_time_is_there() -> None:
    """The table of limits names the code of each."""
    table = PAGE.partition("## Limits of time\n")[2]
    assert {code for _, code in SILENT.values() if f"`{code}`" not in table} == set()


def test_the_example_is_one() -> None:
    """The envelope is what the gateway says of a model that is not there."""
    [text] = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    shown = json.loads(text)
    error = errors.UnknownModel(shown["error"]["message"])
    assert shown == envelope(error)
