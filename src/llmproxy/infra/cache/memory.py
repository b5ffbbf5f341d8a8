"""Answers kept in this process: bounded in bytes, the longest unused one goes first."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.response_cache import Claims, Kept, ResponseCache

ENTRY_BYTES: Final = 1024
"""What an answer takes beside its own bytes, generously: objects, key, place in the table."""


class MemoryCache(ResponseCache):
    """Times are the clock's; what is over is let go when it is met, or when room is needed."""

    def __init__(self, clock: Clock, *, max_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, Kept] = OrderedDict()
        self._bytes = 0
        self._evictions = 0

    @override
    def figures(self) -> Mapping[str, float]:
        return {"bytes": self._bytes, "entries": len(self._entries), "evictions": self._evictions}

    @override
    async def get(self, key: bytes) -> Kept | None:
        return self.at_hand(key)

    @override
    def at_hand(self, key: bytes) -> Kept | None:
        kept = self._entries.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock.now():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return kept

    @override
    def begin(self, key: bytes) -> None:
        """Begin nothing: all is at hand."""

    @override
    def put(self, key: bytes, kept: Kept) -> None:
        if key in self._entries:
            self._forget(key)
        size = _size(kept)
        if size > self._max_bytes:
            return
        self._entries[key] = kept
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))
            self._evictions += 1

    def _forget(self, key: bytes) -> None:
        self._bytes -= _size(self._entries.pop(key))


class NoClaims(Claims):
    """One worker needs none: what runs here is known here."""

    lease_s = 3600.0

    @override
    async def claim(self, key: bytes, fingerprint: bytes) -> None:
        """Nobody else has it."""

    @override
    async def renew(self, key: bytes) -> None:
        """Nothing was claimed."""

    @override
    async def release(self, key: bytes) -> None:
        """Nothing was claimed."""


def _size(kept: Kept) -> int:
    return kept.size + ENTRY_BYTES
