"""Google's models beside chat: where each is, and what its document says.

A document's code is `google-` and the name of its row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.api.documents import document
from tests.api.model_types.places import GOOGLE

EMBEDDINGS = ("text-embedding-005", "gemini-embedding-001", "gemini-embedding-2")
PAINTERS = ("gemini-2.5-flash-image", "gemini-3-pro-image-preview", "imagen-4.0-generate-001")
_AT_VERTEX: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{name: ("embeddings", {}) for name in EMBEDDINGS},
    **{name: ("images", {}) for name in PAINTERS},
    "gemini-2.5-flash-tts": ("audio_tts", {}),
    "own-voices": (
        "audio_tts",
        {"model": "gemini-2.5-pro-tts", "voices": {"narrator": "Puck"}, "voice": "Zephyr"},
    ),
    "gemini-2.5-flash": ("audio_stt", {}),
    "lenient-ear": ("audio_stt", {"model": "gemini-2.5-flash", "drop_unsupported": True}),
    "lenient-painter": ("images", {"model": "gemini-2.5-flash-image", "drop_unsupported": True}),
}
_AT_SPEECH: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "chirp3-hd": ("audio_tts", {}),
    "neural2": ("audio_tts", {"voice": "en-US-Neural2-C"}),
    "cloud-gemini": ("audio_tts", {"model": "gemini-2.5-flash-tts", "api": "cloud-tts"}),
    "chirp_2": ("audio_stt", {}),
    "chirp_3": ("audio_stt", {"location": "us"}),
    "long": ("audio_stt", {}),
}


def media_documents(endpoints: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Return a document of each."""
    for simulator, rows in (("vertex", _AT_VERTEX), ("google-speech", _AT_SPEECH)):
        for code, (operation, further) in rows.items():
            parameters = {**GOOGLE, "endpoint": endpoints[simulator], "model": code, **further}
            written = document(f"google-{code}", "Google", "GoogleVertex", **parameters)
            yield written | {"operations": [operation]}
