"""The files of the log of contents: made for their owner alone, rotated, and deleted in time."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE_BYTES: Final = 64 * 1024 * 1024
NAMES: Final = "content-*.jsonl"
DAY_S: Final = 86_400.0
LOOK_EVERY_S: Final = 600.0
MAX_TRIED: Final = 10_000
"""Names that others may have taken before."""
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_LOOK: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class ContentFiles:
    """Files `content-<date>-<process>-<number>.jsonl` of one process in a folder of several.

    The processes of several containers have the same number: each file is made by whoever writes
    to it, and locked while it is open, so that nobody else deletes it. Blocks; for a thread.
    `keep_days` 0 keeps for ever.
    """

    def __init__(self, folder: Path, *, keep_days: int, max_total_bytes: int) -> None:
        self._folder = folder
        self._keep_s = keep_days * DAY_S
        self._max_total_bytes = max_total_bytes
        self._file: int | None = None
        self._path: Path | None = None
        self._day = ""
        self._size = 0
        self._number = 0
        self._looked_at = float("-inf")

    def try_folder(self) -> None:
        """Make the folder and see that it can be written to. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = self._folder / f".trial-{os.getpid()}"
        os.close(os.open(trial, _FLAGS, 0o600))
        trial.unlink(missing_ok=True)

    def append(self, line: bytes, now: float) -> None:
        """Append one line, `now` in unix seconds. Raises OSError; then nothing of it is written."""
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        if self._file is None or day != self._day or self._size + len(line) > FILE_BYTES:
            self._open(day)
        if self._file is None:
            raise OSError("no file of the log of contents is open")
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, self._size)
            raise OSError("the disk took only a part of a line")
        self._size += written

    def tidy(self, now: float) -> int:
        """Delete what is too old or too much, every ten minutes; return how many files."""
        if now - self._looked_at < LOOK_EVERY_S:
            return 0
        self._looked_at = now
        found = []
        for path in self._folder.glob(NAMES):
            try:
                status = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            found.append((status.st_mtime, status.st_size, path))
        total, deleted = sum(size for _, size, _ in found), 0
        for written_at, size, path in sorted(found):
            old = self._keep_s > 0 and now - written_at > self._keep_s
            if old or (total > self._max_total_bytes and path != self._path):
                if path == self._path:
                    self.close()
                if _delete(path):
                    total -= size
                    deleted += 1
        return deleted

    def close(self) -> None:
        """Close the file; the next line begins another one."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._path = None

    def _open(self, day: str) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(MAX_TRIED):
            self._number += 1
            path = self._folder / f"content-{day}-{os.getpid()}-{self._number}.jsonl"
            file = _made(path)
            if file is not None:
                self._file, self._path, self._day, self._size = file, path, day, 0
                return
        raise OSError(f"{MAX_TRIED} names for a file of the log of contents are taken")


def _made(path: Path) -> int | None:
    """Make a file and lock it; None when somebody else has it. Raises OSError."""
    try:
        file = os.open(path, _FLAGS | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    if _is_locked(file) or os.fstat(file).st_nlink == 0:  # it is just being deleted
        os.close(file)
        return None
    return file


def _is_locked(file: int) -> bool:
    """Lock it until it is closed; whether somebody else has. Not every file system can tell."""
    with suppress(OSError):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _delete(path: Path) -> bool:
    """Delete it unless somebody writes to it; whether it is gone. Raises OSError."""
    file = None
    with suppress(OSError):  # one that cannot be opened is nobody's
        file = os.open(path, _LOOK)
    try:
        if file is not None and _is_locked(file):
            return False
        path.unlink(missing_ok=True)
    finally:
        if file is not None:
            os.close(file)
    return True
