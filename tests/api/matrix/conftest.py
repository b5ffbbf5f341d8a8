"""One server for each shape of a model; what was found is written for docs/failures.md.

Where a run writes `--conformance FILE`, the cells of the matrix go to `failures.json` beside it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.matrix.fates import Shape
from tests.api.matrix.stage import Stage, staged

FOUND = "failures.json"


class Found:
    """What the tests have found in each cell; one in which a test failed says only that."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, bool], dict[str, Any]] = {}

    @contextmanager
    def cell(self, fault: str, shape: Shape, *, stream: bool) -> Iterator[dict[str, Any]]:
        """The cell, for a test to put into it what it has found right."""
        named = {"fault": fault, "shape": shape, "stream": stream}
        cell = self._cells.setdefault((fault, shape, stream), {**named, "failed": False})
        before = cell["failed"]
        cell["failed"] = True
        yield cell
        cell["failed"] = before

    def write(self, path: Path) -> None:
        """Write all cells."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(list(self._cells.values()), indent=1) + "\n")


@pytest.fixture(scope="package", name="found")
def _found(request: pytest.FixtureRequest) -> Iterator[Found]:
    """Written at the end."""
    found = Found()
    yield found
    path: Path | None = request.config.getoption("--conformance")
    if path is not None:
        found.write(path.with_name(FOUND))


@pytest.fixture(scope="package", name="stage", params=list(Shape), ids=str)
def _stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with staged(request.param, tmp_path_factory.mktemp("matrix")) as stage:
        yield stage
