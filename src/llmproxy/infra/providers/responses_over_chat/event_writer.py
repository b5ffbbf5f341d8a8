"""Writes typed events, numbered from 0.

Types and fields: OpenAI's API description 2.3.0, ResponseStreamEvent.
"""

from typing import Any

import msgspec
from typing_extensions import override

_encode = msgspec.json.Encoder().encode


class EventWriter:
    """`count` events have been written: the sequence number of the next one."""

    def __init__(self) -> None:
        self.count = 0
        self._events: list[bytes] = []

    def event(self, kind: str, fields: dict[str, Any]) -> None:
        """Write an event of the type `response.<kind>`."""
        type_ = f"response.{kind}"
        data = _encode({"type": type_, "sequence_number": self.count, **fields})
        self._events.append(b"event: %b\ndata: %b\n\n" % (type_.encode("ascii"), data))
        self.count += 1

    def delta(self, opening: "DeltaOpening", piece: str, logprobs: object = None) -> None:
        """Write a delta, which is the bulk of a stream."""
        said = opening.end
        if logprobs is not None:
            said = b',"logprobs":%b}\n\n' % _encode(logprobs)
        text = opening.start + b"%d" % self.count + opening.where + _encode(piece) + said
        self._events.append(text)
        self.count += 1

    def take(self) -> bytes:
        """Return the events that were not taken yet."""
        events, self._events = self._events, []
        return events[0] if len(events) == 1 else b"".join(events)


class Unwritten(EventWriter):
    """Writes nothing: the answer is wanted in one piece."""

    @override
    def event(self, kind: str, fields: dict[str, Any]) -> None:
        pass

    @override
    def delta(self, opening: "DeltaOpening", piece: str, logprobs: object = None) -> None:
        pass


class DeltaOpening:
    """What all deltas of one part have alike. Those of text say `logprobs` in any case."""

    __slots__ = ("end", "start", "where")

    def __init__(self, kind: str, where: dict[str, Any], *, logprobs: bool = False) -> None:
        type_ = f"response.{kind}.delta".encode("ascii")
        self.start = b'event: %b\ndata: {"type":"%b","sequence_number":' % (type_, type_)
        self.where = b"," + _encode(where)[1:-1] + b',"delta":'
        self.end = b',"logprobs":[]}\n\n' if logprobs else b"}\n\n"
