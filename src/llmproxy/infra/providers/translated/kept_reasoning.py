"""What must come back with a tool call and clients may lose: signatures of reasoning.

A model that reasons signs its thoughts and wants them back with the results of the tools that it
called. They go to the client in fields that OpenAI has no word for; who keeps messages whole sends
them back. Clients that know OpenAI's fields only (LangChain's among them) drop these, so they are
also remembered here for a while, by project and id of the tool call. The memory is this process's:
what it does not find is handled by the translations as if the conversation came from elsewhere.
"""

from collections import OrderedDict

MAX_BYTES = 64 * 1024 * 1024
ENTRY_BYTES = 200
"""About what an entry takes beyond its value."""

_Key = tuple[str | None, str]


class KeptReasoning:
    """The newest values, up to `max_bytes`; the one that was longest not asked for goes first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[_Key, bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, project: str | None, call_id: str, value: bytes) -> None:
        """Remember what belongs to a tool call; one that passes the bound alone is not kept."""
        key = (project, call_id)
        self._forget(key)
        if len(value) + ENTRY_BYTES > self._max_bytes:
            return
        self._values[key] = value
        self._bytes += len(value) + ENTRY_BYTES
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._values)))

    def find(self, project: str | None, call_id: str) -> bytes | None:
        """Return what was kept, None when nothing is."""
        key = (project, call_id)
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def sizes(self) -> dict[str, int]:
        """Return the gauges `entries` and `bytes` for the metrics."""
        return {"entries": len(self._values), "bytes": self._bytes}

    def _forget(self, key: _Key) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._bytes -= len(value) + ENTRY_BYTES
