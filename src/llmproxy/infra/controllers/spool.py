"""Spools: bodies of uploads, in memory while they are small, else in files without a name.

Such a file is gone when its last holder lets go of it, also when the process dies. Reading and
writing it happens in threads, in pieces: the disk never stops the event loop.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from llmproxy.domain.errors import Unavailable

MEMORY_BYTES = 1024 * 1024
"""What a body holds in memory at most; one that says that it will be larger holds a piece only."""
PIECE_BYTES = 128 * 1024


class Spools:
    """Opens spools; all files together never hold more than `max_bytes`.

    Files are made in `folder`, by default where the system keeps temporary ones (`TMPDIR`).
    """

    def __init__(self, *, max_bytes: int, folder: Path | None = None) -> None:
        self._max_bytes = max_bytes
        self.folder = folder
        self.used_bytes = 0

    def spool(self, declared_bytes: int | None) -> "Spool":
        """Return an empty spool for a body that says it will be so large."""
        return Spool(self, 0 if _is_large(declared_bytes) else MEMORY_BYTES)

    def take(self, count: int) -> None:
        """Count bytes that go to a file. Raises Unavailable when there is no room for them."""
        if self.used_bytes + count > self._max_bytes:
            raise Unavailable("There is no room for more uploads at the moment.", retry_after_s=5.0)
        self.used_bytes += count

    def give_back(self, count: int) -> None:
        """Note that such a file is gone."""
        self.used_bytes -= count


def most_in_memory(declared_bytes: int | None) -> int:
    """Return what a spool holds in memory at most for a body that says it will be so large.

    One that says nothing may have gathered as much before it is written to a file.
    """
    if declared_bytes is None:
        return MEMORY_BYTES
    return 2 * PIECE_BYTES if _is_large(declared_bytes) else declared_bytes


def _is_large(declared_bytes: int | None) -> bool:
    return declared_bytes is not None and declared_bytes > MEMORY_BYTES


class Spool:
    """Write it to its end, then read it, as often as needed. Close it in any case."""

    def __init__(self, spools: Spools, memory_bytes: int) -> None:
        self._spools = spools
        self._memory_bytes = memory_bytes
        self._chunks: list[bytes] = []
        self._held = 0
        self._file: _File | None = None
        self._filed = 0
        self.size = 0

    async def write(self, data: bytes) -> None:
        """Append. Raises Unavailable when there is no room."""
        self._chunks.append(data)
        self._held += len(data)
        self.size += len(data)
        if self._held >= PIECE_BYTES and self.size > self._memory_bytes:
            await self._flush()

    async def finish(self) -> None:
        """Write the rest, if it is one of a file. Raises Unavailable when there is no room."""
        if self._filed:
            await self._flush()

    async def _flush(self) -> None:
        chunks, self._chunks, self._held = self._chunks, [], 0
        count = sum(map(len, chunks))
        self._spools.take(count)
        self._filed += count
        in_thread = asyncio.get_running_loop().run_in_executor
        try:
            if self._file is None:
                self._file = await in_thread(None, _File, self._spools.folder)
            await in_thread(None, self._file.append, chunks)
        except OSError as error:
            raise Unavailable(
                "The gateway cannot keep uploads at the moment.",
                retry_after_s=5.0,
                detail=str(error),
            ) from error

    @property
    def in_memory(self) -> bool:
        """Whether `cut` may be used."""
        return self._file is None

    def cut(self, start: int, end: int) -> Iterator[memoryview]:
        """Return a stretch of a body that is in memory, without copying it."""
        at = 0
        for chunk in self._chunks:
            first, last = max(start - at, 0), min(end - at, len(chunk))
            if first < last:
                yield memoryview(chunk)[first:last]
            at += len(chunk)

    async def read(self, start: int, end: int) -> bytes | memoryview:
        """Return the beginning of a stretch, at most a piece. Raises OSError."""
        if self._file is None:
            return next(self.cut(start, end))
        count = min(end - start, PIECE_BYTES)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._file.read, start, count)

    def close(self) -> None:
        """Let go of the bytes; a thread that still works on the file keeps it for that long."""
        self._spools.give_back(self._filed)
        self._filed = 0
        self._chunks = []
        self._file = None


class _File:
    """A file without a name. Whoever uses it holds it; without a holder it is closed."""

    _number = -1

    def __init__(self, folder: Path | None) -> None:
        self._number, path = tempfile.mkstemp(prefix="llmproxy-upload-", dir=folder)
        Path(path).unlink()

    def __del__(self) -> None:
        if self._number >= 0:
            os.close(self._number)

    def append(self, chunks: list[bytes]) -> None:
        views = [memoryview(chunk) for chunk in chunks]
        while views:
            written = os.writev(self._number, views[:64])
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if written:
                views[0] = views[0][written:]

    def read(self, at: int, count: int) -> bytes:
        data = os.pread(self._number, count, at)
        if not data:
            raise OSError("a spooled upload is shorter than it was")
        return data
