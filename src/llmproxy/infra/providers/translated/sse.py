"""Reading server-sent events: whole events out of what arrives, for readers of any wire."""

from abc import abstractmethod

from typing_extensions import override

from llmproxy.domain.errors import Broken, UpstreamError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.translation import EVENT_STREAM, Reader

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""An image is one event (`openai_wire/typed_events.py` has the reckoning)."""


class SseReader(Reader):
    """Cuts events apart and gives each, with its name and data, to `event`."""

    content_type = EVENT_STREAM

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._kept_bytes = 0
        self.usage: Usage | None = None
        self.spoke = False
        self.text_bytes = 0
        self.events = 0
        self.done = False

    @override
    def feed(self, data: bytes) -> bytes:
        if b"\r" in data:
            data = data.replace(b"\r", b"")
        if self._pieces:
            near = self._pieces[-1][-1:] + data
            if b"\n\n" not in near:
                return self._keep(data)
            data = b"".join((*self._pieces, data))
            self._pieces = []
            self._kept_bytes = 0
        cut = data.rfind(b"\n\n")
        if cut < 0:
            return self._keep(data)
        if cut + 2 < len(data):
            self._keep(data[cut + 2 :])
        return self._read(data[:cut].split(b"\n\n"))

    def _read(self, blocks: list[bytes]) -> bytes:
        """Read whole events; what was made of those before a failure is given first."""
        if len(blocks) == 1:
            return self._event(blocks[0])
        made: list[bytes] = []
        try:
            made.extend(self._event(block) for block in blocks)
        except UpstreamError as error:
            if not any(made):
                raise
            self.failure = error
        return b"".join(made)

    def _keep(self, data: bytes) -> bytes:
        if data:
            self._pieces.append(data)
            self._kept_bytes += len(data)
            if self._kept_bytes > MAX_EVENT_BYTES:
                raise Broken(f"The provider sent an event of more than {MAX_EVENT_BYTES} bytes.")
        return b""

    def _event(self, block: bytes) -> bytes:
        if self.done or not block:
            return b""
        if block.startswith(b"data:") and b"\n" not in block:
            return self.event(b"", block[5:].strip())
        named, _, line = block.partition(b"\n")
        if line.startswith(b"data:") and b"\n" not in line and named.startswith(b"event:"):
            return self.event(named[6:].strip(), line[5:].strip())
        return self._lines_of(block)

    def _lines_of(self, block: bytes) -> bytes:
        """Read an event whose lines stand in another way than vendors usually write them."""
        name = b""
        data: list[bytes] = []
        for line in block.split(b"\n"):
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif line.startswith(b"event:"):
                name = line[6:].strip()
        if data:
            return self.event(name, b"\n".join(data))
        return b"" if block.startswith((b":", b"event:", b"id:", b"retry:")) else self.stray(block)

    def rest(self) -> bytes:
        """Return what has arrived and is no whole event: a last one without its empty line."""
        return b"".join(self._pieces).strip()

    @abstractmethod
    def event(self, name: bytes, data: bytes) -> bytes:
        """Return the events to give for this one. Raises UpstreamError."""

    def stray(self, block: bytes) -> bytes:
        """Judge a block that is no event. Raises Broken."""
        raise unreadable("The provider sent something that is no event.", block)
