"""Moments as people write and read them."""

import pytest

from llmproxy.cli.moments import expiry, moment

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("written", "after_s"),
    [("1h", 3600), ("30d", 30 * 86_400), ("4w", 28 * 86_400), ("999999h", 999_999 * 3600)],
)
def test_spans(written: str, after_s: float) -> None:
    """Hours, days and weeks from now."""
    assert expiry(written, NOW) == NOW + after_s


def test_a_day_is_its_last_moment() -> None:
    """`2027-01-31` still works on that day, anywhere in UTC."""
    assert moment(expiry("2027-01-31", NOW)) == "2027-02-01 00:00"
    assert moment(expiry("2028-02-29", NOW)) == "2028-03-01 00:00"


@pytest.mark.parametrize(
    "written", ["", "30", "0d", "-1d", "1y", "1.5d", "2027-02-30", "31.01.2027", "9999-12-31", "٣d"]
)
def test_anything_else_is_refused(written: str) -> None:
    """With the forms that fit."""
    with pytest.raises(ValueError, match="30d, 12h or 4w"):
        expiry(written, NOW)


def test_no_moment() -> None:
    """A dash, not a date of 1970."""
    assert moment(None) == "-"
    assert moment(0) == "1970-01-01 00:00"
