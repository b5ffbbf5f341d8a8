"""The files of this checkout as git sees them: tracked, or with the next ``git add``."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("src", "tests", "bench", "scripts")


@cache
def files() -> tuple[Path, ...]:
    """All files that are not ignored, relative to the root.

    Raises ``subprocess.CalledProcessError`` outside of a git checkout: any rule holds of no files.
    """
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = {Path(name) for name in listing.stdout.split("\0") if name}
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def code(*suffixes: str) -> tuple[Path, ...]:
    """Give the files with one of ``suffixes`` in the folders that hold code."""
    return tuple(
        name for name in files() if name.parts[0] in CODE_FOLDERS and name.suffix in suffixes
    )


def read(name: Path) -> str:
    """Text of a file, or nothing when it is not text (a recorded body, an image)."""
    try:
        return (ROOT / name).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return ""
