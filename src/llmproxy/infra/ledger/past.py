"""From what limits count anew: the ledger, and what this worker's journal says beyond it."""

import os
from collections.abc import Collection, Mapping
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.limiter import History, Past, Scope, Stretch
from llmproxy.application.interfaces.usage_ledger import UsageLedger
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.ledger.journal_file import OwnFile
from llmproxy.infra.ledger.lines import settled, told

KEEP_S: Final = 60.0
"""Longest time between `history` and `since` in which no file is deleted."""


class LedgerPast(Past):
    """The two parts fit: no file that `history` does not know goes before `since` has read it."""

    def __init__(self, ledger: UsageLedger, journal: FileJournal) -> None:
        self._ledger = ledger
        self._journal = journal

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        self._journal.own.readers += 1
        try:
            return await self._ledger.history(scopes, now)
        finally:
            self._journal.own.readers -= 1
            self._journal.own.keep(KEEP_S)

    @override
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        """See the port. Raises Unavailable when the journal cannot be read."""
        try:
            stretches = [
                self._stretch(file, positions.get(file.name, 0)) for file in self._journal.own.files
            ]
        except OSError as error:
            raise Unavailable(
                "The gateway cannot read its journal now.", retry_after_s=1.0, detail=str(error)
            ) from error
        self._journal.own.keep(0.0)
        return stretches

    @override
    def place(self) -> tuple[str, int]:
        return self._journal.place()

    def _stretch(self, file: OwnFile, begin: int) -> Stretch:
        piece = settled(_all(file.fd, begin, file.size), begin)
        rows, places = piece.closed, piece.at
        if file is self._journal.own.files[-1]:
            # They are settled, though the disk has not taken them yet.
            waiting = b"".join(self._journal.waiting())
            late = settled(waiting, piece.end)
            rows, places = [*rows, *late.closed], [*places, *late.at]
        return Stretch(file.name, begin, piece.end, list(map(told, rows, places)))


def _all(fd: int, begin: int, end: int) -> bytes:
    """Return all bytes between two places: one read gives at most 2 GiB, and may give less."""
    parts: list[bytes] = []
    while begin < end and (data := os.pread(fd, end - begin, begin)):
        parts.append(data)
        begin += len(data)
    return b"".join(parts)
