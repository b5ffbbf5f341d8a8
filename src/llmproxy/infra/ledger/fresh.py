"""Settlements as they were made, so that the carrier need not read them again from the file."""

from typing import Final

from llmproxy.application.interfaces.journal import Closed

FRESH_BYTES: Final = 4 * 1024 * 1024
"""So much of a file is held as settlements at most; in memory they are hardly larger."""


class Fresh:
    """What was settled in a file from the byte `begin` on; `complete` says whether it is all.

    `until` is the byte up to which it may be, -1 once something is left out.
    """

    __slots__ = ("begin", "rows", "until")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.until = begin + FRESH_BYTES
        self.rows: list[Closed] = []

    @property
    def complete(self) -> bool:
        """Whether every settlement is here; else the file has to be read."""
        return self.until >= 0

    def give_up(self) -> None:
        """Leave something out: the file says it."""
        self.until = -1
        self.rows = []
