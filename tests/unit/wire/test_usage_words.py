"""Usage written and read: words, CSV, and what is asked."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.journal import Attempt, Outcome
from llmproxy.application.interfaces.usage_ledger import Sum
from llmproxy.domain.usage import Usage
from llmproxy.infra.wire.csv_text import csv_line, text_of
from llmproxy.infra.wire.usage_asked import DIMENSIONS, dimensions_of, moment_of
from llmproxy.infra.wire.usage_words import (
    CALL_COLUMNS,
    call_cells,
    call_of,
    call_words,
    instant,
    money,
    nano_of,
    sum_of,
    sum_words,
)
from tests.fakes.rows import call

COUNTS = st.integers(0, 10**15)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(st.integers(0, 10**24))
def test_money_is_exact(nano: int) -> None:
    """Nine digits behind the point, whatever the amount; the same comes back."""
    assert nano_of(money(nano)) == nano
    assert len(money(nano).partition(".")[2]) == 9


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.000000000"), (1_234_567, "0.001234567"), (10**9, "1.000000000"), (-1, "-0.000000001")],
)
def test_money_in_words(nano: int, text: str) -> None:
    """In units of the currency."""
    assert money(nano) == text


def test_what_is_no_money() -> None:
    """Is refused."""
    for text in ("", "x", "NaN", "Infinity"):
        with pytest.raises(ValueError, match="no amount of money"):
            nano_of(text)


@given(WORDS | st.none(), st.lists(COUNTS, min_size=12, max_size=12))
def test_sums_come_back(name: str | None, counts: list[int]) -> None:
    """As they were."""
    found = Sum(("2026-11-26", name), "USD", *counts)
    assert sum_of(sum_words(found, ("day", "tag")), ("day", "tag")) == found


@given(st.lists(COUNTS, min_size=len(Usage._fields) - 1, max_size=len(Usage._fields) - 1))
def test_calls_come_back(counts: list[int]) -> None:
    """With attempts, usage and tags."""
    usage = Usage(*counts, estimated=True)
    row = call(
        at=1_800_000_000.25,
        outcome=Outcome.ABORTED,
        usage=usage,
        attempts=[Attempt("a", "x", 0.5, None, usage, 7), Attempt("b", None, 1.0, 200)],
        tags=("a", "b=c"),
        counted=0,
        status=None,
        first_content_s=0.125,
    )
    assert call_of(call_words(row)) == row


def test_the_cells_of_a_call() -> None:
    """One under each column; the parts of usage have columns of their own."""
    row = call(tags=("=x",), attempts=[Attempt("a", "b,c", 0.5)])
    cells = dict(zip(CALL_COLUMNS, call_cells(call_words(row)), strict=True))
    assert (cells["input_tokens"], cells["cache_read_tokens"], cells["tags"]) == (10, 5, ["=x"])
    assert set(Usage._fields) <= set(CALL_COLUMNS)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_csv_is_read_back(texts: list[str]) -> None:
    """By any reader; no text begins as a formula does, and every text can be had back."""
    [cells] = csv.reader(StringIO(csv_line([*texts, "end"]), newline=""))
    assert [text_of(cell) for cell in cells[:-1]] == texts
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


def test_csv_of_other_values() -> None:
    """Numbers as they are, nothing for None, JSON for lists and objects."""
    line = csv_line([None, True, False, -1, 0.5, ["=a", "b"], {"x": None}, "a,b", 'say "x"'])
    assert line == ',true,false,-1,0.5,"[""=a"",""b""]","{""x"":null}","a,b","say ""x"""\r\n'


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("0", 0),
        ("1800000000", 1_800_000_000),
        ("1800000000.25", 1_800_000_000.25),
        ("2027-01-15", 1_799_971_200),
        ("2027-01-15T08:00:00Z", 1_800_000_000),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000),
    ],
)
def test_moments(written: str, at: float) -> None:
    """Unix seconds, days of UTC, times with an offset."""
    assert moment_of(written) == at


@pytest.mark.parametrize(
    "written",
    ["", "x", "-5", "1e9", "2027-02-30", "2027-01", "2027-01-15T08:00:00", "253402300800"],
)
def test_what_is_no_moment(written: str) -> None:
    """Is refused, with what fits."""
    with pytest.raises(ValueError, match=r"unix seconds|range|month"):
        moment_of(written)


def test_moments_are_written() -> None:
    """In UTC."""
    assert instant(1_800_000_000.25) == "2027-01-15T08:00:00.250Z"
    assert instant(0, "auto") == "1970-01-01T00:00:00Z"
    assert instant(0.5, "auto") == "1970-01-01T00:00:00.500000Z"


def test_dimensions() -> None:
    """Each, alone or in lists; unknown and repeated ones are named."""
    assert dimensions_of(["day, tag", "model"]) == ("day", "tag", "model")
    assert dimensions_of([",".join(DIMENSIONS)]) == DIMENSIONS
    for wrong in (["colour"], ["day", "day"], [""], ["day,"]):
        with pytest.raises(ValueError, match=r"is not one of|twice"):
            dimensions_of(wrong)
