"""Spans and moments as programs write them."""

import pytest

from llmproxy.domain.moments import span_s, unix_time


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000), ("4w", 2_419_200)],
)
def test_spans(written: str, seconds: float) -> None:
    """A whole number and a unit."""
    assert span_s(written) == seconds


@pytest.mark.parametrize("written", ["", "0d", "-1d", "1.5h", "d", "30", "30 d", "٣d", "1y"])
def test_what_is_no_span(written: str) -> None:
    """Nothing is guessed."""
    assert span_s(written) is None


def test_moments() -> None:
    """RFC 3339, with any offset."""
    assert unix_time("2027-01-31T00:00:00Z") == 1_801_353_600
    assert unix_time("2027-01-31T01:00:00.5+01:00") == 1_801_353_600.5


@pytest.mark.parametrize("written", ["2027-01-31", "2027-01-31T00:00:00", "soon", "0001-01-01T00Z"])
def test_what_is_no_moment(written: str) -> None:
    """A time without an offset means another moment in every place."""
    assert unix_time(written) in (None, -62_135_596_800)
