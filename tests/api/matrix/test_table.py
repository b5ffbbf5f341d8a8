"""The table of the matrix: no fault is left out, and no two cells are one model."""

import pytest

from tests.api.matrix.fates import Kind, Shape, broken, busy, promised, raised, refused, silent
from tests.api.matrix.stage import CELLS
from tests.api.matrix.table import ROWS, slug

STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)


def test_every_cell_is_a_model_of_its_own() -> None:
    """Codes of models differ, so that a breaker of one cell touches no other."""
    codes = [slug(row, stream=stream) for row, stream in CELLS]

    assert len(set(codes)) == len(codes) > 80
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_row(status: int) -> None:
    """Each status is in the table, plain and streamed."""
    assert [
        row for row in ROWS if row.measures.get("status") == status and row.plain and row.stream
    ]


def test_what_is_promised() -> None:
    """Refused and raised never move on; what was waited for is not waited for twice."""
    for fate in (refused(400), raised()):
        assert [promised(fate, shape).asked for shape in Shape] == [(1, 0)] * 3
    for fate in (broken(), busy(1), silent("x", 1.0)):
        assert fate.kind is Kind.MOVED_ON
        assert [promised(fate, shape).asked[1] for shape in Shape] == [0, 1, 1]
    assert promised(broken(), Shape.ALONE).asked == (3, 0)
    assert promised(silent("x", 1.0), Shape.ALONE).least_s == 1.0
    assert promised(busy(1), Shape.ALONE).least_s == 2.0
    assert promised(busy(30, tries=1), Shape.ALONE).most_s == 0.0
