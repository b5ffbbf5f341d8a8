"""Pages that are written from what tests have found: write one, or compare it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def keep(target: Path, page: Callable[[Any], str]) -> None:
    """Write `target` from the JSON file that the command line names, or compare it (`--check`)."""
    source = Path(sys.argv[1])
    if not source.exists():
        sys.exit(f"{source.name} is missing: run scripts/test first")
    made = page(json.loads(source.read_text()))
    if "--check" not in sys.argv:
        target.write_text(made)
    elif not target.exists() or target.read_text() != made:
        sys.exit(f"docs/{target.name} is not what the tests have found: run scripts/docs")
