"""Workers that serve from one data folder tell each other their figures, over sockets in it.

Whoever is scraped answers for all, since behind one port nobody can say whom a scrape reaches. A
worker listens on a Unix-domain socket that only its own user can open; what connects is sent the
whole exposition, and nothing is read of it.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.exposition import Block, merged
from llmproxy.infra.telemetry.prometheus.series import sample

logger = logging.getLogger("llmproxy")

WITHIN_S: Final = 0.5
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_ASKING: Final = 16
"""Others that are told at once; more wait."""
_SUFFIX: Final = ".metrics"
_PIECE: Final = 256 * 1024
_PATH_BYTES: Final = 103
"""The longest path that every system takes: 107 on Linux (unix(7)), 103 on macOS."""
_OPEN_FILES: Final = Path("/proc/self/fd")

Text = Callable[[], Awaitable[str]]


class Peers:
    """`others` tells the numbers of the other workers that serve; it is called in a thread."""

    def __init__(self, folder: Path, text: Text, others: Callable[[], Sequence[int]]) -> None:
        self._folder = folder
        self._text = text
        self._others = others
        self._server: asyncio.Server | None = None
        self._own: Path | None = None
        self._telling = asyncio.Semaphore(MAX_ASKING)
        self._failed = 0

    async def listen(self, number: int) -> None:
        """Tell this worker's figures from now on.

        Where the folder's disk knows no sockets, a line in the log says that others will miss it.
        """
        path = self._folder / f"{number}{_SUFFIX}"
        try:
            listener = _listener(path)
        except OSError as error:
            logger.warning(
                "other workers of this data folder cannot ask for figures at %s: %s", path, error
            )
            return
        listener.setblocking(False)  # noqa: FBT003 - the library's own
        self._own = path
        self._server = await asyncio.start_unix_server(self._tell, sock=listener)

    async def close(self) -> None:
        """Tell no more; closing twice is fine."""
        server, self._server = self._server, None
        if server is None or self._own is None:
            return
        server.close()
        with suppress(OSError):
            self._own.unlink()

    async def together(self) -> str:
        """Return the exposition of all workers."""
        try:
            others = await asyncio.to_thread(self._others)
        except OSError as error:
            logger.warning("other workers cannot be seen: %s", error)
            others = ()
        found = await asyncio.gather(*[self._asked(number) for number in others])
        texts = [text for text in found if text is not None]
        missing = len(others) - len(texts)
        self._failed += missing
        counted = _about_all(len(others) + 1, missing)
        return await asyncio.to_thread(merged, [await self._text(), *texts]) + counted

    def blocks(self, worker: str) -> Iterator[Block]:
        """Yield what this worker could not hear since its start."""
        family = families.SCRAPES_FAILED
        yield family, iter((sample(family.name, worker, "", str(self._failed)),))

    async def _asked(self, number: int) -> str | None:
        """Return what another worker tells, None when it does not in time."""
        try:
            async with asyncio.timeout(WITHIN_S):
                with _reachable(self._folder / f"{number}{_SUFFIX}") as path:
                    reader, writer = await asyncio.open_unix_connection(path)
                try:
                    return await _whole(reader)
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError):
            return None

    async def _tell(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(WITHIN_S * 4), self._telling:
                writer.write((await self._text()).encode())
                await writer.drain()
        except (OSError, TimeoutError):
            logger.info("another worker did not take this one's figures")
        finally:
            writer.close()


def _about_all(workers: int, missing: int) -> str:
    figures = ((families.WORKERS, workers), (families.WORKERS_MISSING, missing))
    return "".join([f"{family.head}\n{family.name} {value}\n" for family, value in figures])


async def _whole(reader: asyncio.StreamReader) -> str:
    """Return all there is. Raises ValueError when it is too much, or no text."""
    pieces: list[bytes] = []
    size = 0
    while piece := await reader.read(_PIECE):
        size += len(piece)
        if size > MAX_BYTES:
            raise ValueError("a worker's figures are too long")
        pieces.append(piece)
    text = b"".join(pieces).decode()
    if not text.endswith("\n"):
        raise ValueError("a worker's figures broke off")
    return text


def _listener(path: Path) -> socket.socket:
    """Return a socket that listens there, for this user only. Raises OSError.

    What lies there is a dead worker's: the seat of this number is this one's.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(OSError):  # refused by some systems; Linux makes the file with these rights
            os.fchmod(listener.fileno(), 0o600)
        with _reachable(path) as name:
            listener.bind(name)
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a name of the path that a socket's address has room for. Raises OSError.

    A longer one goes by the open folder, where the system shows open files as paths.
    """
    if len(os.fsencode(path)) <= _PATH_BYTES or not _OPEN_FILES.exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_OPEN_FILES / str(folder) / path.name)
    finally:
        os.close(folder)
