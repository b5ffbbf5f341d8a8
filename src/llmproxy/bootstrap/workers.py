"""Who else serves: each worker of a data folder takes a seat, which the kernel gives back.

Several workers count limits together over Redis. Without it each would allow all of every limit, so
that none may exist: a start is refused, a limit is not made, and where one appears all the same the
calls in its scope are refused.

A seat is a number with two files in `workers/` of the data folder. `N` is locked from the first
moment of a start, `N.serving` as long as calls are let through. (`N.metrics` is the socket at which
`infra/telemetry/prometheus/peers.py` tells figures.) The locks are `flock(2)`: they end
with the process, however it ends, and hold across containers on one volume. Servers over different
data folders cannot see each other: `REPLICAS=many` tells them.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.counting import Counting
from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.config import Settings

FOLDER: Final = "workers"
MAX_SEATS: Final = 256
MANY: Final = "REPLICAS=many says that more of this gateway run elsewhere"
_SERVING: Final = ".serving"
_TAKEN: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


class WorkerSeat:
    """The seat of this process, if it takes one, and a look at those of others."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._number: int | None = None
        self._locks: list[int] = []

    def take(self) -> None:
        """Take the first free seat. Raises StoreUnusableError when there is none, or no lock."""
        try:
            # One after the other: `parents` makes what stands above readable for everybody.
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for number in range(MAX_SEATS):
                lock = _locked(self._folder / str(number))
                if lock is not None:
                    self._number = number
                    self._locks.append(lock)
                    return
        except OSError as error:
            raise StoreUnusableError(
                f"{self._folder} cannot be locked ({error.strerror}), so that workers cannot see "
                "each other.\nServe from a folder whose disk knows locks: LLMPROXY_DATA_DIR"
            ) from error
        raise StoreUnusableError(f"{MAX_SEATS} workers serve from {self._folder.parent} already.")

    def serve(self) -> None:
        """Let others see that calls are let through here. Raises OSError."""
        path = self._folder / f"{self._number}{_SERVING}"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._locks.append(lock)
        # Whoever looks at it holds it for microseconds; nobody else locks the file of this seat.
        fcntl.flock(lock, fcntl.LOCK_EX)

    @property
    def number(self) -> int | None:
        """Of this seat; None while none is taken."""
        return self._number

    def serving(self) -> list[int]:
        """Return the numbers of the other processes that let calls through. Raises OSError."""
        every = self._seats(serving=True)
        return sorted(
            number for number, path in every if number != self._number and _is_locked(path)
        )

    def others(self, *, serving: bool = False) -> int:
        """Count the other processes that have a seat, or those that let calls through.

        Raises OSError.
        """
        return sum(
            _is_locked(path)
            for number, path in self._seats(serving=serving)
            if number != self._number
        )

    def is_first(self) -> bool:
        """Whether nobody has a seat with a lower number: of two starts at once one goes on.

        Raises OSError.
        """
        return not any(
            _is_locked(path)
            for number, path in self._seats(serving=False)
            if self._number is not None and number < self._number
        )

    def leave(self) -> None:
        """Give the seat back; leaving twice is fine."""
        while self._locks:
            os.close(self._locks.pop())
        self._number = None

    def _seats(self, *, serving: bool) -> Iterator[tuple[int, Path]]:
        """Yield the seats that anybody ever had, with the file that is locked while it is taken."""
        try:
            paths = list(self._folder.iterdir())
        except FileNotFoundError:
            return  # nobody has ever served from here
        for path in paths:
            number = path.name.removesuffix(_SERVING)
            if number.isdecimal() and (number != path.name) is serving:
                yield int(number), path


class CountedByStore(Counting):
    """For the command line, which changes the store beside the workers of its data folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seat = WorkerSeat(settings.data_dir)

    @override
    def fault(self) -> str | None:
        if self._settings.redis is not None:
            return None
        if self._settings.replicas_many:
            return together_only(MANY)
        workers = self._seat.others()
        return (
            together_only(f"{workers} workers serve from this data folder") if workers > 1 else None
        )


def together_only(reason: str) -> str:
    """Return why limits cannot hold, with what to do."""
    return (
        f"{reason}. Without Redis each would allow all of every limit: set REDIS_URL for all of "
        "them, so that they count together, or run only one"
    )


def _locked(path: Path) -> int | None:
    """Return the open file with its lock, None when somebody else has it. Raises OSError."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _try(lock, fcntl.LOCK_EX):
        return lock
    os.close(lock)
    return None


def _is_locked(path: Path) -> bool:
    """Whether somebody has the lock. Two who look at once do not see each other. Raises OSError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def _try(file: int, lock: int) -> bool:
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
