"""What a model may be asked to do, in the words of its document.

| document word | served at |
|---|---|
| `ChatCompletion` | `/v1/chat/completions`, `/v1/completions` |
| `Responses` | `/v1/responses` and its paths by id; chat completions too |
| `embeddings` | `/v1/embeddings` |
| `images` | `/v1/images/generations`, `/edits`, `/variations` |
| `audio_tts` | `/v1/audio/speech` |
| `audio_stt` | `/v1/audio/transcriptions`, `/v1/audio/translations` |
| `audio_realtime` | WebSocket `/v1/realtime`, `/v1/audio/realtime` |
| `moderations` | `/v1/moderations` |
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Operation(StrEnum):
    """An entry of a document's `operations`; the value is the document's exact spelling."""

    __hash__ = str.__hash__  # Enum's own is a Python function, and every request pays for it

    CHAT_COMPLETION = "ChatCompletion"
    RESPONSES = "Responses"
    EMBEDDINGS = "embeddings"
    IMAGES = "images"
    AUDIO_TTS = "audio_tts"
    AUDIO_STT = "audio_stt"
    AUDIO_REALTIME = "audio_realtime"
    MODERATIONS = "moderations"


class Endpoint(StrEnum):
    """A path of OpenAI's API below `/v1/`: what is asked of a provider, at its own URL for it."""

    __hash__ = str.__hash__

    CHAT_COMPLETIONS = "chat/completions"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    RESPONSES_COMPACT = "responses/compact"
    RESPONSES_INPUT_TOKENS = "responses/input_tokens"
    EMBEDDINGS = "embeddings"
    MODERATIONS = "moderations"
    IMAGES_GENERATIONS = "images/generations"
    IMAGES_EDITS = "images/edits"
    IMAGES_VARIATIONS = "images/variations"
    AUDIO_SPEECH = "audio/speech"
    AUDIO_TRANSCRIPTIONS = "audio/transcriptions"
    AUDIO_TRANSLATIONS = "audio/translations"
    REALTIME = "realtime"


OPERATION_OF: Final[Mapping[Endpoint, Operation]] = MappingProxyType(
    {
        Endpoint.CHAT_COMPLETIONS: Operation.CHAT_COMPLETION,
        Endpoint.COMPLETIONS: Operation.CHAT_COMPLETION,
        Endpoint.RESPONSES: Operation.RESPONSES,
        Endpoint.RESPONSES_COMPACT: Operation.RESPONSES,
        Endpoint.RESPONSES_INPUT_TOKENS: Operation.RESPONSES,
        Endpoint.EMBEDDINGS: Operation.EMBEDDINGS,
        Endpoint.MODERATIONS: Operation.MODERATIONS,
        Endpoint.IMAGES_GENERATIONS: Operation.IMAGES,
        Endpoint.IMAGES_EDITS: Operation.IMAGES,
        Endpoint.IMAGES_VARIATIONS: Operation.IMAGES,
        Endpoint.AUDIO_SPEECH: Operation.AUDIO_TTS,
        Endpoint.AUDIO_TRANSCRIPTIONS: Operation.AUDIO_STT,
        Endpoint.AUDIO_TRANSLATIONS: Operation.AUDIO_STT,
        Endpoint.REALTIME: Operation.AUDIO_REALTIME,
    }
)
"""What a model's document must offer for each endpoint."""


GRANTED_BY: Final[Mapping[Operation, frozenset[Operation]]] = MappingProxyType(
    {
        operation: frozenset({operation, Operation.RESPONSES})
        if operation is Operation.CHAT_COMPLETION
        else frozenset({operation})
        for operation in Operation
    }
)
"""For each operation the document words of which one suffices: `Responses` allows chat too."""
