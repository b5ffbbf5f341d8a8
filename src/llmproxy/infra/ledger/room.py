"""How much the files of a journal's folder may take, and how much they take."""

import logging
from pathlib import Path
from typing import Final

from llmproxy.infra.ledger.journal_file import bytes_beside, older

logger = logging.getLogger("llmproxy.ledger")

NO_ROOM: Final = "the journal's files reach JOURNAL_MAX_BYTES"
_KEPT_BACK: Final = 16
"""One part of so many is for settlements alone: calls that were admitted find room to end."""


class Room:
    """`used` is counted with every line of this worker's own files, and looked up for others'."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.all = max_bytes
        self.admissions = max_bytes - max_bytes // _KEPT_BACK
        self.used = 0
        self._folder = folder
        self._others = 0
        self._told = False

    def beside(self, own: frozenset[str]) -> int:
        """Return what the other files take. For a thread. Raises OSError.

        Files of the format before tell too little to be carried. They are let be until the room is
        needed, which is how long that version kept them.
        """
        taken = bytes_beside(self._folder, own)
        for path in older(self._folder):
            if not self._told:
                self._told = True
                logger.warning("%s is of an older version: the ledger cannot take it", path.name)
            if taken + (self.used - self._others) > self.admissions:
                taken -= path.stat().st_size
                path.unlink()
                logger.warning("journal over %d bytes: deleted %s", self.all, path.name)
        return taken

    def seen(self, others: int) -> None:
        """Count what `beside` has found."""
        self.used += others - self._others
        self._others = others
