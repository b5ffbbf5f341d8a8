"""What a request for speech asks, and how its answer is given."""

import base64
from collections.abc import Mapping, Sequence

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.sounds import CONTENT_TYPES
from llmproxy.infra.providers.translated.translation import EVENT_STREAM, Translated

SUPPORTED = frozenset(
    ("input", "voice", "instructions", "response_format", "speed", "stream_format", "language_code")
)
NEUTRAL: Mapping[str, Sequence[object]] = {"instructions": ("",)}
DEFAULT_FORMAT = "mp3"
PIECE_BYTES = 48 * 1024
_encode = msgspec.json.Encoder().encode


def speech_answer(call: Call, sound: bytes, kind: str, usage: Usage | None) -> Translated:
    """Return the sound as bytes, or in the events that a `stream_format` of `sse` asks for.

    The provider's answer comes in one piece, and so do the events; shapes: openai-python 3.57.0
    `types/audio/speech_model.py` and OpenAI's API description 2.3.0 (SpeechAudioDeltaEvent,
    SpeechAudioDoneEvent, where usage is left out for a provider that counts no tokens).
    """
    if not call.stream:
        return Translated(sound, usage, CONTENT_TYPES[kind])
    events: list[dict[str, object]] = [
        {
            "type": "speech.audio.delta",
            "audio": base64.b64encode(sound[at : at + PIECE_BYTES]).decode("ascii"),
        }
        for at in range(0, len(sound), PIECE_BYTES)
    ]
    done: dict[str, object] = {"type": "speech.audio.done"}
    if usage is not None and usage.total_output_tokens:
        into, out = usage.total_input_tokens, usage.total_output_tokens
        tokens = {"input_tokens": into, "output_tokens": out, "total_tokens": into + out}
        done["usage"] = tokens
    return Translated(events_of((*events, done)), usage, EVENT_STREAM)


def events_of(events: Sequence[Mapping[str, object]]) -> bytes:
    """Return typed events as they stand on the wire."""
    return b"".join(b"data: %b\n\n" % _encode(event) for event in events)
