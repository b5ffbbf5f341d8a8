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


GRANTED_BY: Final[Mapping[Operation, frozenset[Operation]]] = MappingProxyType(
    {
        operation: frozenset({operation, Operation.RESPONSES})
        if operation is Operation.CHAT_COMPLETION
        else frozenset({operation})
        for operation in Operation
    }
)
"""For each operation the document words of which one suffices: `Responses` allows chat too."""
