"""Reading streams for LiteLLM's parsers: events, lines, and AWS's binary frames."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from typing_extensions import override

from llmproxy.domain.errors import Broken, UpstreamError
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.credentials.token import told
from llmproxy.infra.providers.long_tail.deltas import Deltas
from llmproxy.infra.providers.long_tail.dialect import JsonDict, Parse
from llmproxy.infra.providers.long_tail.failures import in_stream
from llmproxy.infra.providers.long_tail.importing import Foreign
from llmproxy.infra.providers.openai_wire.failures import unreadable
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.sse import MAX_EVENT_BYTES, SseReader
from llmproxy.infra.providers.translated.translation import Reader
from llmproxy.infra.wire.unreadable import UNREADABLE

FAILED: Final = re.compile(rb'"finish_?[rR]eason": ?"(?i:error|network_error|timeout|user_cancel)"')
"""Ends that LiteLLM makes `stop` of (litellm 1.110.2 `litellm_core_utils/core_helpers.py`)."""
_decode = msgspec.json.Decoder(dict).decode


def object_of(data: bytes) -> JsonDict:
    """Return the JSON object. Raises Broken."""
    try:
        event: JsonDict = _decode(data)
    except UNREADABLE as error:
        raise nonsense(str(error), data) from error
    return event


def nonsense(words: str, data: bytes) -> Broken:
    """Return the error for something that cannot be read."""
    return unreadable("The provider's answer makes no sense.", data, words)


def parsed(parse: Callable[[], Foreign], data: bytes) -> Foreign:
    """Return what LiteLLM makes of an event. Raises UpstreamError for whatever LiteLLM raises."""
    try:
        return parse()
    except UpstreamError:
        raise
    except Exception as error:
        raise nonsense(f"{type(error).__name__}: {told(error)}", data) from error


class EventReader(SseReader):
    """Server-sent events, a JSON object each."""

    def __init__(self, chunks: ChatChunks, parse: Parse) -> None:
        super().__init__()
        self._chunks = chunks
        self._deltas = Deltas(chunks)
        self._parse = parse

    @override
    def event(self, name: bytes, data: bytes) -> bytes:
        if data == b"[DONE]":
            self.done = True
            return b""
        event = object_of(data)
        if not event:
            # watsonx takes its leave with an event `close` that holds {}.
            return b""
        if event.get("error") or event.get("errors") or name == b"error":
            raise in_stream(None, data)
        if FAILED.search(data):
            raise in_stream(None, data)
        chunk = parsed(lambda: self._parse(event), data)
        made = self._deltas.take(chunk)
        self._note()
        return made

    @override
    def end(self) -> bytes:
        last = self.rest()
        made = self.feed(b"\n\n") if last.startswith((b"data:", b"event:", b"id:")) else b""
        made += self._chunks.end(self._deltas.usage)
        self.usage = self._deltas.usage
        self._note()
        return made

    def _note(self) -> None:
        """Tell what was given; usage only at the end: Google counts up from chunk to chunk."""
        chunks = self._chunks
        self.spoke, self.text_bytes, self.events = chunks.spoke, chunks.text_bytes, chunks.events


class LineReader(EventReader):
    """A JSON object per line, as Ollama streams (its docs/api.md: application/x-ndjson)."""

    content_type = b"application/x-ndjson"

    @override
    def feed(self, data: bytes) -> bytes:
        whole, _, rest = b"".join((*self._pieces, data)).rpartition(b"\n")
        self._pieces = [rest]
        if len(rest) > MAX_EVENT_BYTES:
            raise Broken(f"The provider sent a line of more than {MAX_EVENT_BYTES} bytes.")
        return self._read([b"data:" + line for line in whole.split(b"\n") if line.strip()])

    @override
    def end(self) -> bytes:
        made = self.feed(b"\n")
        return made + super().end()


STATUSES: Final[Mapping[str, int]] = {
    "internalServerException": 500,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}
"""Exceptions inside a stream (botocore 1.44 `data/bedrock-runtime`, ConverseStreamOutput)."""


class AwsReader(Reader):
    """`application/vnd.amazon.eventstream`: frames with lengths, checksums and headers.

    They are cut by botocore's `EventStreamBuffer` (docs.aws.amazon.com/AmazonS3/latest/API,
    "Event stream encoding").
    """

    content_type = b"application/vnd.amazon.eventstream"

    def __init__(
        self, chunks: ChatChunks, buffer: Foreign, parse: Callable[[bytes], Foreign]
    ) -> None:
        self._chunks = chunks
        self._deltas = Deltas(chunks)
        self._buffer = buffer
        self._parse = parse
        self.usage: Usage | None = None
        self.spoke = False
        self.text_bytes = 0
        self.events = 0
        self.done = False
        self.failure = None

    @override
    def feed(self, data: bytes) -> bytes:
        self._buffer.add_data(data)
        made: list[bytes] = []
        try:
            made.extend(self._frame(frame) for frame in parsed(lambda: list(self._buffer), data))
        except UpstreamError as error:
            if not any(made):
                raise
            self.failure = error
        self._note()
        return b"".join(made)

    def _frame(self, frame: Foreign) -> bytes:
        headers, payload = frame.headers, bytes(frame.payload)
        if headers.get(":message-type") != "event":
            name = str(headers.get(":exception-type") or headers.get(":error-code") or "")
            raise in_stream(STATUSES.get(name), payload or name.encode())
        if not payload:
            return b""
        return self._deltas.take(parsed(lambda: self._parse(payload), payload))

    @override
    def end(self) -> bytes:
        made = self._chunks.end(self._deltas.usage)
        self.usage = self._deltas.usage
        self._note()
        return made

    def _note(self) -> None:
        chunks = self._chunks
        self.spoke, self.text_bytes, self.events = chunks.spoke, chunks.text_bytes, chunks.events
