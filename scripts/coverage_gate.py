"""Fail unless the tests covered domain and application: 95 % of branches, and of lines.

Reads the data that ``coverage run`` left. Only these two packages have a gate: they hold every rule
and need no socket, while the adapters are proven over real sockets, outside of this process.
"""

import io
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from coverage import Coverage

GATE_PERCENT = 95.0
PACKAGES = ("llmproxy/domain", "llmproxy/application")


class Counts(NamedTuple):
    """How many branches and lines there are, and how many of them ran."""

    branches: int
    branches_run: int
    lines: int
    lines_run: int

    def percents(self) -> tuple[float, float]:
        """Branches and lines that ran, in percent; where there is none, nothing is missing."""
        return _percent(self.branches_run, self.branches), _percent(self.lines_run, self.lines)


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def _sum(files: Iterable[Mapping[str, int]]) -> Counts:
    rows = list(files)
    names = ("num_branches", "covered_branches", "num_statements", "covered_lines")
    return Counts(*(sum(row[name] for row in rows) for name in names))


def _summaries() -> dict[str, dict[str, int]]:
    """Count by file, its path written with slashes from ``llmproxy/`` on."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text("utf-8"))["files"]
    return {
        Path(name).as_posix().rpartition("src/")[2]: entry["summary"]
        for name, entry in files.items()
    }


def main() -> int:
    """Print a line per package and what those below the gate miss; return the exit code."""
    summaries = _summaries()
    below = []
    for package in PACKAGES:
        counts = _sum(row for name, row in summaries.items() if name.startswith(package + "/"))
        if not counts.lines:
            print(f"{package}: nothing was measured")
            below.append(package)
            continue
        branches, lines = counts.percents()
        print(f"{package}: {branches:.1f} % of {counts.branches} branches, {lines:.1f} % of lines")
        if min(branches, lines) < GATE_PERCENT:
            below.append(package)
    for package in below:
        print(f"\n{package} is below {GATE_PERCENT:.0f} %:")
        print(_missing(package))
    return 1 if below else 0


def _missing(package: str) -> str:
    coverage = Coverage()
    coverage.load()
    text = io.StringIO()
    coverage.report(include=[f"src/{package}/*"], file=text, show_missing=True)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
