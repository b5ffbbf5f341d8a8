"""Server-sent events on OpenAI's wire: their bytes pass, whole events at a time."""

from abc import abstractmethod

import msgspec
from typing_extensions import override

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.openai_wire.failures import stream_failure
from llmproxy.infra.providers.openai_wire.incoming import Again, Incoming, unexpected_kind
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.wire.unreadable import UNREADABLE

TOKEN_BYTES = 4
"""The same rule of thumb by which `steps/settle.py` turns bytes into tokens."""
MAX_EVENT_BYTES = 16 * 1024 * 1024


class SseEvents(Incoming):
    """Cuts what arrives into whole events; `special` ones are looked at, the rest passes."""

    max_event_bytes = MAX_EVENT_BYTES

    def __init__(self, exchange: Exchange, again: Again) -> None:
        super().__init__(exchange, again)
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._separator = b"\n\n"
        self._events = 0
        self._empty_event_bytes = 0
        self.finish_seen = False

    @override
    def _check_kind(self, content_type: bytes) -> None:
        if not content_type.startswith(b"text/event-stream"):
            raise unexpected_kind(content_type)

    @override
    def _flows(self) -> bool:
        return not self._done and not self._tail

    @override
    def _forward(self, data: bytes) -> bool:
        """Pass on what needs no second look; the rest is left to `next`."""
        separator = self._separator
        if not data.endswith(separator) or self.special(data) or not self._sink(data):
            return False
        self._bytes += len(data)
        self._events += data.count(separator)
        return True

    @override
    def _relay(self, data: bytes) -> bytes:
        data = self._whole(data)
        if not data:
            return b""
        if not self._empty_event_bytes:
            self._empty_event_bytes = data.find(self._separator) + len(self._separator)
        self._bytes += len(data)
        self._events += data.count(self._separator)
        return self._sift(data) if self.special(data) else data

    def _whole(self, data: bytes) -> bytes:
        """Return the whole events of what has arrived; keep the rest for the next call."""
        if self._tail:
            if not self._ends_an_event(data):
                self._keep(data)
                return b""
            data = b"".join((*self._tail, data))
            self._tail = []
            self._tail_bytes = 0
        if data.endswith(self._separator):
            return data
        cut = self._cut(data)
        self._keep(data[cut:])
        return data[:cut]

    def _ends_an_event(self, data: bytes) -> bool:
        """Whether what follows the kept pieces holds the end of an event, or the last part of it.

        Pieces are joined only then: an image is one event of megabytes.
        """
        near = b"".join([piece[-3:] for piece in self._tail[-3:]])[-3:] + data
        return self._separator in near or b"\r\n\r\n" in near

    def _keep(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        if self._tail_bytes > self.max_event_bytes:
            raise Broken(f"The provider sent an event of more than {self.max_event_bytes} bytes.")

    def _cut(self, data: bytes) -> int:
        cut = data.rfind(self._separator)
        if cut < 0 and b"\r\n\r\n" in data:
            self._separator = b"\r\n\r\n"
            cut = data.rfind(self._separator)
        return 0 if cut < 0 else cut + len(self._separator)

    def _sift(self, data: bytes) -> bytes:
        """Look at each event: take what is the gateway's, stop at the provider's error.

        What came before an error is returned first; the next call of `next` raises it.
        """
        kept: list[bytes] = []
        for event in data.split(self._separator)[:-1]:
            content = data_of(event)
            if b"error" in event and reports_error(event, content):
                self._error = stream_failure(content)
                self._ready = False
                break
            if self.passes(content):
                kept += (self.shown(event, content), self._separator)
            if self._done or self._error is not None:
                break
        if self._error is not None and not kept:
            raise self._error
        return b"".join(kept)

    @override
    def _check_end(self) -> None:
        """Judge a body that is over: complete only if the provider had said that it finished."""
        if not self.finish_seen:
            raise Broken("The provider ended its answer early.")
        self._done = True

    def _began(self, event: bytes, said: int, rest: bytes) -> None:
        """Take the first event that says something for the measure of what is around words.

        Not the first one of all: Azure's holds no choices, and those with words hold results of its
        filter, some 170 bytes each, which are nobody's tokens. `said` are the bytes of its words,
        `rest` is what has come behind it.
        """
        around = len(event) + len(self._separator) - said
        before = self._events - rest.count(self._separator)
        self._empty_event_bytes = around
        self._bytes = before * around + said + len(rest)

    @property
    @override
    def output_bytes(self) -> int:
        """What the events hold beyond what is around their words; at least a token each."""
        beyond = self._bytes - self._events * self._empty_event_bytes
        return max(beyond, self._events * TOKEN_BYTES)

    @property
    @override
    def passed(self) -> int:
        return self._events

    def shown(self, event: bytes, _content: bytes) -> bytes:
        """Return a special event as the caller sees it."""
        return event

    @abstractmethod
    def special(self, data: bytes) -> bool:
        """Whether these events hold anything that is not simply passed on.

        Whoever can tell by the bytes sets `finish_seen` when they say that the answer is complete.
        """

    @abstractmethod
    def passes(self, content: bytes) -> bool:
        """Look at the data of one special event; return whether the event goes to the caller."""


def reports_error(event: bytes, content: bytes) -> bool:
    """Whether this is a provider's error event, however it is wrapped; the word alone is none."""
    if event.startswith((b"event: error", b"event:error")):
        return True
    if b'"error"' not in content:
        return False
    try:
        value = msgspec.json.decode(content)
    except UNREADABLE:
        return content.startswith(b'{"error"')
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict) and (bool(value.get("error")) or value.get("type") == "error")


def data_of(event: bytes) -> bytes:
    """Return the `data` of one event; several data lines are joined as the standard says."""
    if event.startswith(b"data:") and b"\n" not in event:
        return event[5:].strip()
    lines = (line.strip(b"\r") for line in event.split(b"\n"))
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
