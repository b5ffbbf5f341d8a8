"""What a model can be asked: from `model_info.mode`, else from its name."""

import re
from collections.abc import Mapping
from typing import Final

from llmproxy.domain.litellm_config.remarks import NotTakenError

_MODES: Final[Mapping[str, tuple[str, ...]]] = {
    "chat": ("ChatCompletion",),
    "completion": ("ChatCompletion",),
    "responses": ("Responses",),
    "embedding": ("embeddings",),
    "moderation": ("moderations",),
    "image_generation": ("images",),
    "image_edit": ("images",),
    "audio_speech": ("audio_tts",),
    "audio_transcription": ("audio_stt",),
    "realtime": ("audio_realtime",),
}
_NAMES: Final = (
    (re.compile(r"realtime"), "realtime"),
    (re.compile(r"moderation"), "moderation"),
    (re.compile(r"whisper|transcribe|chirp_"), "audio_transcription"),
    (re.compile(r"(^|[-/])tts(-|$)|chirp3"), "audio_speech"),
    (re.compile(r"dall-e|gpt-image|imagen"), "image_generation"),
    (re.compile(r"embed|gecko"), "embedding"),
)


def operations_of(mode: object, model: str, *, responses: bool) -> list[str]:
    """Return the words of a document's `operations`. Raises NotTakenError for other modes."""
    if mode is None:
        name = model.casefold()
        mode = next((word for sign, word in _NAMES if sign.search(name)), "chat")
    words = _MODES.get(str(mode))
    if words is None:
        raise NotTakenError(f"nothing of the mode {mode} is served here")
    return [*words, "Responses"] if mode == "chat" and responses else list(words)
