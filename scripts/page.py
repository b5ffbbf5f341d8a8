"""Pages that are made: write one, or compare it; and what the tests have found, of which some are.

The command line is that of a page's own script: the file of the tests where it needs one, and
`--check` to compare only.
"""

import json
import sys
from pathlib import Path
from typing import Any


def outcomes() -> Any:  # noqa: ANN401 - each page knows its own
    """Return the JSON of the file that the command line names first; ends where it is missing."""
    found = Path(sys.argv[1])
    if not found.exists():
        sys.exit(f"{found.name} is missing: run scripts/test first")
    return json.loads(found.read_text("utf-8"))


def keep(target: Path, made: str, source: str) -> None:
    """Write `target`, or compare it (`--check`); `source` ends "is not what …"."""
    if "--check" not in sys.argv:
        target.write_text(made, "utf-8")
    elif not target.exists() or target.read_text("utf-8") != made:
        sys.exit(f"docs/{target.name} is not what {source}: run scripts/docs")
