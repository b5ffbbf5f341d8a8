"""What may take long on a disk: done one after the other, in a thread of its own."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from llmproxy.infra.ledger.journal_file import OwnFile, sync_folder

logger = logging.getLogger("llmproxy.ledger")

SAY_EVERY_S: Final = 10.0


class Complaints:
    """Failures in the log, at most one line per `SAY_EVERY_S`. `figures` are added to each."""

    def __init__(self, now: Callable[[], float], figures: Callable[[], object]) -> None:
        self._now = now
        self._figures = figures
        self._said_at = -SAY_EVERY_S

    def say(self, error: OSError, message: str) -> None:
        """Log a failure, if none was logged just now. Any thread may."""
        now = self._now()
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            logger.error("%s; %s", message, self._figures(), exc_info=error)


class Disk:
    """A file descriptor is closed here only, after all that was asked for before."""

    def __init__(self, complaints: Complaints) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._complaints = complaints

    def sync(self, file: OwnFile) -> None:
        """Bring what was written to the disk."""
        self._worker.submit(self._fdatasync, file.fd)

    def sync_folder(self, folder: Path) -> None:
        """Bring the names of new files to the disk."""
        self._worker.submit(self._sync_folder, folder)

    def close(self, file: OwnFile) -> None:
        """Sync a file and let go of it and its lock."""
        self._worker.submit(self._close, file.fd)

    def delete(self, file: OwnFile) -> None:
        """Delete a file, then let go of its lock: nobody adopts it in between."""
        self._worker.submit(self._delete, file)

    def end(self) -> None:
        """Wait until all is done."""
        self._worker.shutdown(wait=True)

    def _fdatasync(self, fd: int) -> None:
        try:
            os.fdatasync(fd)
        except OSError as error:
            self._complaints.say(error, "the journal could not be synced")

    def _sync_folder(self, folder: Path) -> None:
        try:
            sync_folder(folder)
        except OSError as error:
            self._complaints.say(error, "the journal's folder could not be synced")

    def _close(self, fd: int) -> None:
        self._fdatasync(fd)
        os.close(fd)

    def _delete(self, file: OwnFile) -> None:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            self._complaints.say(error, f"{file.name} is in the ledger and cannot be deleted")
        os.close(file.fd)
