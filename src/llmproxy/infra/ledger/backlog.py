"""Settlements that the disk did not take, until it does."""

from collections import deque
from typing import Final

MAX_BYTES: Final = 8 * 1024 * 1024


class Backlog:
    """Lines in their order, at most `MAX_BYTES` of them."""

    def __init__(self) -> None:
        self._lines: deque[tuple[str, bytes]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, request_id: str, line: bytes) -> bool:
        """Keep a line; False when there is no room for it."""
        if self._size + len(line) > MAX_BYTES:
            return False
        self._lines.append((request_id, line))
        self._size += len(line)
        return True

    @property
    def first(self) -> tuple[str, bytes]:
        """The oldest one. Raises IndexError when there is none."""
        return self._lines[0]

    def written(self) -> None:
        """Let go of the oldest one."""
        self._size -= len(self._lines.popleft()[1])

    def lines(self) -> list[bytes]:
        """Return all lines, the oldest first."""
        return [line for _, line in self._lines]
