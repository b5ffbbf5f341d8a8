"""Files of a journal on the disk: made under a lock that ends with the process that holds it."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llmproxy.infra.ledger.lines import OLDER, OURS, SUFFIX, Piece

NEW: Final = ".new"
"""A file has this behind its name until it is locked and begun."""
PIECE_BYTES: Final = 4 * 1024 * 1024
_TRIES: Final = 3


@dataclass(slots=True)
class OwnFile:
    """A file that this worker writes, or has written and not let go of yet.

    `size` is exact after each write. All before the byte `taken` is in the ledger, all before
    `read` has been read for it.
    """

    name: str
    path: Path
    fd: int
    size: int
    taken: int = 0
    read: int = 0


def create(folder: Path, name: str, data: bytes) -> OwnFile:
    """Make a file that begins with these bytes and hold its lock. Raises OSError.

    The kernel gives the lock back when the process ends, however it ends. Nobody sees the file
    under its name before it is locked.
    """
    path = folder / name
    for _ in range(_TRIES - 1):
        # A worker that clears up may lock or remove the new file before it is locked here.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            return OwnFile(name, path, _create(path, data), len(data))
    return OwnFile(name, path, _create(path, data), len(data))


def _create(path: Path, data: bytes) -> int:
    new = path.with_name(path.name + NEW)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(new, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "the disk took only a part of a new file")
        new.rename(path)
    except BaseException:
        os.close(fd)
        new.unlink(missing_ok=True)
        raise
    return fd


def lock(path: Path) -> int | None:
    """Return an open file whose lock is held now; None when somebody else has it or it is gone."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return fd
    except BlockingIOError:
        pass  # its worker lives, or another one adopts it
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def read_piece(fd: int, begin: int, end: int, read: Callable[[bytes, int], Piece]) -> Piece:
    """Read whole lines between two places, `PIECE_BYTES` or what one line takes. For a thread.

    `read` is `lines.settled` or `lines.everything`. The piece ends where it begins when no line
    ends before `end`.
    """
    most = PIECE_BYTES
    while True:
        data = os.pread(fd, min(most, end - begin), begin)
        piece = read(data, begin)
        if piece.end > begin or len(data) < most:
            return piece
        most *= 2


def by_worker(folder: Path) -> list[list[Path]]:
    """Return the files of this format, for each worker the newest first."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.glob(f"*{SUFFIX}"):
        name = OURS.fullmatch(path.name)
        if name is not None:
            found.setdefault(name["worker"], []).append((int(name["number"]), path))
    return [[path for _, path in sorted(files, reverse=True)] for files in found.values()]


def bytes_beside(folder: Path, own: frozenset[str]) -> int:
    """Return how many bytes the other files of the folder have."""
    total = 0
    for path in folder.iterdir():
        if path.name not in own:
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
    return total


def older(folder: Path) -> list[Path]:
    """Return the files of the format before, the oldest first."""
    found: list[tuple[float, Path]] = []
    for path in folder.glob(f"*{SUFFIX}"):
        if OLDER.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found)]


def clear_new(folder: Path) -> None:
    """Remove what workers left that died while they began a file: nothing was in it yet."""
    for path in folder.glob(f"*{NEW}"):
        fd = lock(path)
        if fd is not None:
            path.unlink(missing_ok=True)
            os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the names of new files survive a power cut. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
