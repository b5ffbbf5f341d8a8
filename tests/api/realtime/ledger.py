"""What a gateway has journalled since a test began."""

import json
import time
from pathlib import Path
from typing import Any

from tests.api.traces import whole_lines

Line = dict[str, Any]
PATIENCE_S = 10.0


class Ledger:
    """Reads the journal's folder; every admission is to have exactly one settlement."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = len(self._lines())

    def _lines(self) -> list[Line]:
        return [json.loads(line) for line in whole_lines(self._folder).splitlines()]

    def settled(self) -> list[Line]:
        """The settlements, once every admission has one. Raises AssertionError else."""
        until = time.monotonic() + PATIENCE_S
        while True:
            lines = self._lines()[self._known :]
            closed = [line for line in lines if "outcome" in line]
            opened = [line["request_id"] for line in lines if "outcome" not in line]
            if opened and sorted(opened) == sorted(line["request_id"] for line in closed):
                return closed
            assert time.monotonic() < until, f"admissions without a settlement: {lines}"
            time.sleep(0.01)
