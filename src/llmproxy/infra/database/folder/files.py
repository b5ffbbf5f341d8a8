"""Which files a folder holds, and whether they are as they were."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

SUFFIXES: Final = (".json", ".jsonc")
MAX_ENTRIES: Final = 100_000
"""Files and folders; a folder with more is surely another one than was meant."""

MAX_DEPTH: Final = 64


class Mark(NamedTuple):
    """Differs whenever a file was written or another has taken its place."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class TooManyFilesError(OSError):
    """The folder holds more than anybody keeps by hand."""


@dataclass(slots=True)
class Listing:
    """What a walk has found: files by path, in path order; folders that could not be entered."""

    files: dict[str, Mark] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def list_files(root: Path) -> Listing:
    """Find every document file below the folder; blocks. Raises OSError when it is not there.

    Links are followed, each folder is entered once. Names that begin with a dot are left out: those
    are of other programs (`.git`), and where Kubernetes mounts a ConfigMap the real files lie below
    `..data` and are linked to from the folder itself (kubernetes.io, "ConfigMaps", "Mounted
    ConfigMaps are updated automatically", and pkg/volume/util/atomic_writer.go).
    """
    listing = Listing()
    seen = {_identity(root.stat())}
    for count, entry in enumerate(_below(str(root), listing, seen, depth=0)):
        if count >= MAX_ENTRIES:
            raise TooManyFilesError(f"it holds more than {MAX_ENTRIES:,} files")
        if entry.name.endswith(SUFFIXES):
            _take(entry, listing)
    return listing


def mark_of(status: os.stat_result) -> Mark:
    """Return the mark of a file."""
    return Mark(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def _below(
    folder: str, listing: Listing, seen: set[tuple[int, int]], *, depth: int
) -> Iterator["os.DirEntry[str]"]:
    """Yield what a folder holds, sorted by name, and all that its folders hold in their place."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if depth == 0:
            raise
        listing.unreadable[folder] = error.strerror or type(error).__name__
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        yield entry
        if _enters(entry, seen):
            if depth < MAX_DEPTH:
                yield from _below(entry.path, listing, seen, depth=depth + 1)
            else:
                listing.unreadable[entry.path] = f"nested deeper than {MAX_DEPTH} folders"


def _enters(entry: "os.DirEntry[str]", seen: set[tuple[int, int]]) -> bool:
    try:
        if not entry.is_dir():
            return False
        identity = _identity(entry.stat())
    except OSError:
        return False  # gone meanwhile, or a link that leads to itself
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _take(entry: "os.DirEntry[str]", listing: Listing) -> None:
    try:
        status = entry.stat()
    except OSError as error:
        # A file that went away since it was listed is no fault; a link that leads nowhere is one.
        if entry.is_symlink():
            listing.unreadable[entry.path] = error.strerror or type(error).__name__
        return
    if stat.S_ISREG(status.st_mode):
        listing.files[entry.path] = mark_of(status)
    elif not stat.S_ISDIR(status.st_mode):
        listing.unreadable[entry.path] = "not a regular file"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
