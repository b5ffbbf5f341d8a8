"""Typed events, `{"type": …}`: responses, streamed images, speech and transcriptions.

They have no `[DONE]`: the last event says by its type that the answer is complete. All pass
untouched, in OpenAI's order and with OpenAI's sequence numbers.

Types: OpenAI's API description 2.3.0, ResponseStreamEvent, ImageGenStreamEvent,
ImageEditStreamEvent, CreateSpeechResponseStreamEvent, CreateTranscriptionResponseStreamEvent.
"""

from collections.abc import Callable, Mapping

import msgspec
from typing_extensions import override

from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.failures import stream_failure
from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.openai_wire.sse import SseEvents, data_of
from llmproxy.infra.providers.openai_wire.usage import (
    WireUsage,
    drawn_from,
    heard_from,
    spoken_from,
    usage_from,
)
from llmproxy.infra.providers.transport.exchange import Exchange
from llmproxy.infra.wire.unreadable import UNREADABLE

LAST: Mapping[Endpoint, tuple[bytes, ...]] = {
    Endpoint.RESPONSES: (b"response.completed", b"response.incomplete", b"response.failed"),
    Endpoint.IMAGES_GENERATIONS: (b"image_generation.completed",),
    Endpoint.IMAGES_EDITS: (b"image_edit.completed",),
    Endpoint.AUDIO_SPEECH: (b"speech.audio.done",),
    Endpoint.AUDIO_TRANSCRIPTIONS: (b"transcript.text.done",),
}
"""The types of which one must come, or the stream was cut."""

IMAGES = frozenset((b"image_generation.completed", b"image_edit.completed"))
MAX_IMAGE_EVENT_BYTES = 64 * 1024 * 1024
"""An image of 3840x2160 pixels, OpenAI's largest, is some 33 MB before any compression."""

READERS: Mapping[Endpoint, Callable[[WireUsage], Usage | None]] = {
    Endpoint.AUDIO_SPEECH: spoken_from,
    Endpoint.AUDIO_TRANSCRIPTIONS: heard_from,
}
"""How usage is read where all that it counts may be sound."""

PREAMBLE = frozenset(("response.created", "response.in_progress", "response.queued"))
FAILED = "response.failed"


class _Response(msgspec.Struct):
    usage: WireUsage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Event(msgspec.Struct):
    type: str = ""
    usage: WireUsage | None = None
    response: _Response | None = None


class _Type(msgspec.Struct):
    type: str = ""


_event = msgspec.json.Decoder(_Event)
_type = msgspec.json.Decoder(_Type)


class TypedEvents(SseEvents):
    """The events of one endpoint that is asked to stream."""

    def __init__(self, exchange: Exchange, again: Again, endpoint: Endpoint) -> None:
        super().__init__(exchange, again)
        self._last = LAST[endpoint]
        self._types = frozenset(word.decode("ascii") for word in self._last)
        self._spoke = False
        self._read = READERS.get(endpoint, usage_from)
        self._draws = not IMAGES.isdisjoint(self._last)
        if self._draws:
            self.max_event_bytes = MAX_IMAGE_EVENT_BYTES

    @override
    def special(self, data: bytes) -> bool:
        return b"error" in data or any(word in data for word in self._last)

    @override
    def passes(self, content: bytes) -> bool:
        try:
            event = _event.decode(content)
        except UNREADABLE:
            return True
        if event.type not in self._types:
            return True
        response = event.response
        if event.type == FAILED and not self._spoke:
            said = b"null" if response is None else bytes(response.error)
            self._error = stream_failure(b'{"error":%b}' % said)
            self._ready = False
            return False
        wire = event.usage if response is None else response.usage
        if self._draws:
            usage: Usage | None = drawn_from(wire, 1)
        else:
            usage = None if wire is None else self._read(wire)
        if usage is not None:
            self.usage = usage if self.usage is None else self.usage.plus(usage)
        self.finish_seen = True
        return True

    @override
    def _speaks(self, batch: bytes) -> bool:
        contents = [data_of(event) for event in batch.split(self._separator)]
        self._spoke = any(content and _kind(content) not in PREAMBLE for content in contents)
        return self._spoke


def _kind(content: bytes) -> str:
    try:
        return _type.decode(content).type
    except UNREADABLE:
        return ""
