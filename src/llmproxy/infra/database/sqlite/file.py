"""One SQLite file behind one worker thread: no statement ever runs on the event loop."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.sqlite.migrations import migrate

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

DEFAULT_BUSY_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = 0.02
_AWAY: Final = frozenset({sqlite3.DatabaseError, sqlite3.OperationalError, sqlite3.InternalError})


class SqliteFile:
    """An open file with the newest schema. Several processes may have it open at once (WAL)."""

    def __init__(self, connection: sqlite3.Connection, worker: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._worker = worker
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S) -> Self:
        """Open the file, readable by its owner only, and make it and its folder if need be.

        Raises:
            StoreUnusableError: when that cannot work, with what to do about it.

        """
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(worker, _open, path, busy_timeout_s)
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(connection, worker)

    async def read(self, work: Work[Result]) -> Result:
        """Run reading work in the worker. Raises Unavailable when the file cannot be read now."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._guarded, work)

    async def write(self, work: Work[Result]) -> Result:
        """Run work in a transaction of its own: all of it or, when it raises, nothing of it."""
        return await self.read(lambda connection: _transaction(connection, work))

    async def version(self) -> int:
        """Return what `file_version` tells."""
        return await self.read(file_version)

    async def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._worker, self._connection.close)
        self._worker.shutdown(wait=False)

    def _guarded(self, work: Work[Result]) -> Result:
        try:
            return work(self._connection)
        except sqlite3.DatabaseError as error:
            # DatabaseError itself tells of a damaged file; its other kinds are faults of ours.
            if type(error) not in _AWAY:
                raise
            raise Unavailable(
                "The store cannot be reached at the moment.", retry_after_s=1.0, detail=str(error)
            ) from error


def file_version(connection: sqlite3.Connection) -> int:
    """Return a number that grows with every commit of this connection or of any other."""
    # data_version counts only the commits of others: sqlite.org/pragma.html#pragma_data_version
    others = int(connection.execute("PRAGMA data_version").fetchone()[0])
    return connection.total_changes + others


def _transaction(connection: sqlite3.Connection, work: Work[Result]) -> Result:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite has rolled back by itself and says that nothing is open.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _open(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    try:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusableError(f"cannot open {path}: {error}") from error
    try:
        _prepare(connection, busy_timeout_s)
        migrate(connection, str(path))
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnusableError(f"cannot use {path}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """Make the folder (0700) and the file (0600); SQLite gives its side files the same mode.

    A file that is there is not opened: to close it again would give back the locks that other
    connections of this process have on it, and another process would then take the side files away
    under them (sqlite.org/howtocorrupt.html, 2.2).
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # A file of another owner that lets us in (a shared volume) is not ours to change.
    with suppress(PermissionError):
        path.chmod(0o600)


def _prepare(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    if _write_ahead(connection, busy_timeout_s) != "wal":
        raise StoreUnusableError(
            "the folder of the store does not support SQLite's WAL (a network drive?): "
            "use a folder on a local disk"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")


def _write_ahead(connection: sqlite3.Connection, busy_timeout_s: float) -> str:
    """Turn the file to WAL, which is a property of the file and stays; return the mode it has."""
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError:
            # Two processes that turn a new file to WAL at once get no busy timeout from SQLite.
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
