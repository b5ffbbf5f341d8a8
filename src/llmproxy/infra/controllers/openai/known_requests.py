"""Requests that were answered with a kept answer: the same bytes need not be read again.

Who asks a question again mostly sends the very bytes of before. What the desk made of them, and the
question that they ask, cost a tenth of such an answer; a look at the bytes costs a third of a
microsecond, and nothing while there is nothing to be found.
"""

from typing import Final, NamedTuple

from llmproxy.infra.controllers.openai.asked import Asked

MAX_REQUEST_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 64
"""At the top level: what is made of a request takes up to 140 bytes for each."""
ENTRY_BYTES: Final = 1024
"""What is made of a request with up to five fields takes so much beside its bytes, at most."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all requests of an endpoint, `ENTRY_BYTES` for each beside its own."""


class KnownRequest(NamedTuple):
    """What a request was read as, which nobody changes, and the question that it asks."""

    asked: Asked
    question: bytes


class KnownRequests:
    """Of one endpoint: as many as `max_bytes` have room for. When they are more it begins anew."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._known: dict[bytes, KnownRequest] = {}
        self._bytes = 0
        self._max_bytes = max_bytes

    def get(self, raw: bytes) -> KnownRequest | None:
        """Return what is known of these bytes."""
        if self._known and len(raw) <= MAX_REQUEST_BYTES:
            return self._known.get(raw)
        return None

    def add(self, raw: bytes, asked: Asked, question: bytes) -> None:
        """Know them from now on, unless they are large or have many fields."""
        if len(raw) > MAX_REQUEST_BYTES or raw in self._known:
            return
        if len(asked.body.fields) > MAX_FIELDS:
            return
        size = len(raw) + ENTRY_BYTES
        if self._bytes + size > self._max_bytes:
            self._known.clear()
            self._bytes = 0
        self._known[raw] = KnownRequest(asked, question)
        self._bytes += size
