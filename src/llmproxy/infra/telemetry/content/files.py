"""The files of the log of contents: made for their owner alone, rotated, and deleted in time."""

import os
import time
from pathlib import Path
from typing import Final

FILE_BYTES: Final = 64 * 1024 * 1024
NAMES: Final = "content-*.jsonl"
DAY_S: Final = 86_400.0
LOOK_EVERY_S: Final = 600.0
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class ContentFiles:
    """Files `content-<date>-<process>-<number>.jsonl` of one process in a folder of several.

    Blocks; for a thread. `keep_days` 0 keeps for ever.
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
        trial.unlink()

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

    def tidy(self, now: float, *, at_once: bool = False) -> int:
        """Delete what is too old or too much, every ten minutes; return how many files."""
        if not at_once and now - self._looked_at < LOOK_EVERY_S:
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
                path.unlink(missing_ok=True)
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
        self._number += 1
        path = self._folder / f"content-{day}-{os.getpid()}-{self._number}.jsonl"
        self._file = os.open(path, _FLAGS, 0o600)
        self._path, self._day = path, day
        self._size = os.fstat(self._file).st_size
