"""The events of a transcription, or its text in one piece.

whisper-1 ignores `stream` and answers as if it had not been asked for (CreateTranscriptionRequest
in OpenAI's API description 2.3.0): that answer passes as it is, once it is complete.
"""

from typing_extensions import override

from llmproxy.domain.errors import Broken
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.openai_wire.answers import usage_in
from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.openai_wire.typed_events import TypedEvents
from llmproxy.infra.providers.transport.exchange import Exchange

WHOLE = (b"application/json", b"text/plain", b"text/vtt", b"application/x-subrip")


class TranscriptEvents(TypedEvents):
    """`headers` hold a content type only for an answer in one piece."""

    def __init__(self, exchange: Exchange, again: Again) -> None:
        super().__init__(exchange, again, Endpoint.AUDIO_TRANSCRIPTIONS)
        self._whole_kind = b""
        self._pieces: list[bytes] = []

    @override
    async def next(self) -> bytes | None:
        batch = await super().next()
        if batch is None and self._pieces:
            batch = b"".join(self._pieces)
            self._pieces = []
        return batch

    @override
    def _check_kind(self, content_type: bytes) -> None:
        if content_type.startswith(WHOLE):
            self._whole_kind = content_type
            self.headers.append(b"content-type: " + content_type)
        else:
            super()._check_kind(content_type)

    @override
    def _relay(self, data: bytes) -> bytes:
        if not self._whole_kind:
            return super()._relay(data)
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes > self.max_event_bytes:
            raise Broken(f"The provider sent a text of more than {self.max_event_bytes} bytes.")
        return b""

    @override
    def _check_end(self) -> None:
        if not self._whole_kind:
            super()._check_end()
            return
        text = b"".join(self._pieces)
        self.usage = usage_in(Endpoint.AUDIO_TRANSCRIPTIONS, text, self._whole_kind)
        self._done = True

    @override
    def _speaks(self, batch: bytes) -> bool:
        return bool(self._whole_kind) or super()._speaks(batch)
