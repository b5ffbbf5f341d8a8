"""The tables of docs/scaling.md are computed, from figures that stand where they are named."""

from pathlib import Path

import pytest

from scripts import scaling_page
from scripts.scaling_page import Measured, filled, per_s, worker_ru, workers
from tests.architecture.tree import read

PAGE = read(Path("docs/scaling.md"))
FOUND = Measured(100, 120, 500, 700, 150, 200, 280, 90, 70, 70e6, 20e3)


def test_the_page_is_up_to_date() -> None:
    """Whoever measures anew runs `scripts/docs`."""
    assert filled(PAGE) == PAGE
    assert set(scaling_page.PARTS) == {name for _, name, _ in scaling_page.PART.findall(PAGE)}


def test_the_sum_of_a_call() -> None:
    """What TLS and limits add is added up; a core is planned to be busy to 70 %."""
    assert FOUND.request_us == 280 + 20
    assert FOUND.streamed_us == 700 + 180
    assert per_s(FOUND.request_us) == pytest.approx(2_333.3, abs=0.1)


@pytest.mark.parametrize(
    ("rate", "expected"), [(10, 1), (2_333, 1), (2_334, 3), (10_000, 6), (23_333, 11)]
)
def test_workers(rate: int, expected: int) -> None:
    """One may go wherever more than one is needed."""
    assert workers(rate, FOUND.request_us) == expected


def test_what_is_not_measured_is_said_elsewhere() -> None:
    """The constants are those of the pages that give their sources."""
    money, cosmos = read(Path("docs/money.md")), read(Path("docs/cosmos.md"))
    assert f"about {scaling_page.ROW_BYTES} bytes" in money
    assert f"some {scaling_page.JOURNAL_BYTES} bytes a call" in money
    assert f"{scaling_page.LOOKS_PER_S} requests a second per worker" in cosmos
    assert "at 1 to 2 RU it would be" in cosmos
    assert "5 to 12 RU/s for each worker" in cosmos
    assert "a full read of 1,000 models of 1 KB is at most 1,000 RU: 17 RU/s per worker" in cosmos
    low, high = worker_ru()
    assert low == pytest.approx(1.5 + 1_000 / 60 + 5)
    assert high == pytest.approx(3 + 1_000 / 60 + 12)


def test_a_figure_that_is_not_there() -> None:
    """A row that bench does not write any more ends the script, and no number stays behind."""
    with pytest.raises(LookupError, match="no row nobody"):
        scaling_page.figure("TLS to the upstream", "nobody", "CPU µs / request")
