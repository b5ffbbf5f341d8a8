"""The files of one worker, each locked until the ledger has all of it."""

import errno
import os
from asyncio import AbstractEventLoop
from collections.abc import Collection
from pathlib import Path
from typing import Final

from llmproxy.infra.ledger.disk import Disk
from llmproxy.infra.ledger.fresh import Fresh
from llmproxy.infra.ledger.journal_file import OwnFile, create
from llmproxy.infra.ledger.lines import continuation, file_name, header
from llmproxy.infra.ledger.room import NO_ROOM, Room

_NOWHERE: Final = Path()
_WORKER_BYTES: Final = 8
_LATER: Final = 16
"""A file that should be full grows by one part of so many before the next one is tried again."""


class OwnFiles:
    """`files` are those that the ledger does not have all of, the oldest first.

    `current` is the last of them, or a file that takes nothing while none could be made. It is full
    when it has more than `full_at` bytes. `fresh` is what was settled in it lately.
    """

    def __init__(
        self, folder: Path, room: Room, disk: Disk, loop: AbstractEventLoop, file_bytes: int
    ) -> None:
        self.folder = folder
        self.room = room
        self.worker = os.urandom(_WORKER_BYTES).hex()
        self.files: list[OwnFile] = []
        self.current = OwnFile("", _NOWHERE, -1, 0)
        self.full_at = file_bytes
        self.fresh = Fresh(0)
        self.readers = 0
        """How many read files that may be carried meanwhile: see `kept`."""
        self._file_bytes = file_bytes
        self._file_no = 0
        self._disk = disk
        self._loop = loop
        self._keep_until = 0.0

    @property
    def names(self) -> frozenset[str]:
        """How the files are called."""
        return frozenset(file.name for file in self.files)

    def begin(self, lines: Collection[bytes]) -> None:
        """Begin the next file with these lines, and go on in it. Raises OSError."""
        number = self._file_no + 1
        beginning = b"".join((header(self.worker, number), *lines))
        size = len(beginning)
        if self.room.used + size > self.room.all:
            raise OSError(errno.ENOSPC, NO_ROOM)
        self.current = create(self.folder, file_name(self.worker, number), beginning)
        self._file_no = number
        self.files.append(self.current)
        self.room.used += size
        # However many calls are open, most of what is written is new.
        self.full_at = size + max(self._file_bytes, 3 * size)
        self.fresh = Fresh(0)  # no call that a file begins with is settled
        self._disk.sync_folder(self.folder)

    def rotate(self, lines: Collection[bytes]) -> None:
        """As `begin`; the file that was current says which one goes on. Raises OSError.

        When it cannot be made, the current one goes on for a while. When the old one cannot say so,
        nothing is wrong: whoever adopts both reads the newer one first.
        """
        old = self.current
        try:
            self.begin(lines)
        except OSError:
            self.full_at = old.size + self._file_bytes // _LATER
            raise
        self._disk.sync(old)
        size = os.write(old.fd, continuation(self.current.name))
        old.size += size
        self.room.used += size

    def cut(self) -> Fresh:
        """Return what was settled in the current file since the last time, and begin anew."""
        fresh = self.fresh
        self.fresh = Fresh(self.current.size)
        return fresh

    def drop(self, file: OwnFile) -> None:
        """Delete a file of which the ledger has all."""
        self.files.remove(file)
        self.room.used -= file.size
        self._disk.delete(file)

    def keep(self, seconds: float) -> None:
        """Let no file go for so long, instead of for as long as was said before."""
        self._keep_until = self._loop.time() + seconds

    def kept(self) -> bool:
        """Whether somebody reads, so that no file may go although the ledger has all of it."""
        return self.readers > 0 or self._loop.time() < self._keep_until

    def close(self) -> None:
        """Sync and let go of all."""
        for file in self.files:
            self._disk.close(file)
