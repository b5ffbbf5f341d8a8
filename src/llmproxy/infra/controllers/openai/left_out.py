"""What OpenAI's API has and this gateway leaves out, and what to use instead.

Paths: OpenAI's API description 2.3.0. They are answered with 501 rather than 404, because a 404 of
`GET /v1/files/{id}` would tell an application that its file is gone.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from llmproxy.domain.errors import UnsupportedEndpoint

ROOT: Final = "/v1/"
STORED: Final = "chat/completions"
_CONTENT = "Send the content itself in the request that needs it."
_OWN_STATE = "Keep the state in your application, or use `/v1/responses`."
_ONE_BY_ONE = "Send the requests one by one."
_REALTIME = "Open a WebSocket at `/v1/realtime`."
_OPERATOR = "Models, keys and usage are managed by the operator of this gateway."
_NONE = "There is nothing here that does the same."

LEFT_OUT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "files": ("Files", _CONTENT),
        "uploads": ("Uploads", _CONTENT),
        "batches": ("Batches", _ONE_BY_ONE),
        "vector_stores": ("Vector stores", "Use `/v1/embeddings` and a store of your own."),
        STORED: ("Stored chat completions", "Keep the answers of `POST /v1/chat/completions`."),
        "fine_tuning": ("Fine-tuning jobs", _NONE),
        "assistants": ("Assistants", _OWN_STATE),
        "threads": ("Threads", _OWN_STATE),
        "conversations": ("Conversations", _OWN_STATE),
        "containers": ("Containers", _NONE),
        "evals": ("Evals", _NONE),
        "videos": ("Videos", _NONE),
        "skills": ("Skills", _NONE),
        "chatkit": ("ChatKit sessions", _OWN_STATE),
        "content_provenance_checks": ("Content provenance checks", _NONE),
        "audio/voices": ("Custom voices", "Use a voice that the model comes with."),
        "audio/voice_consents": ("Custom voices", "Use a voice that the model comes with."),
        "realtime/calls": ("Realtime calls over WebRTC and SIP", _REALTIME),
        "realtime/sessions": ("Realtime sessions of the beta", _REALTIME),
        "realtime/transcription_sessions": ("Realtime sessions of the beta", _REALTIME),
        "realtime/translations": ("Realtime translations", _REALTIME),
        "organization": ("OpenAI's administration paths", _OPERATOR),
        "projects": ("OpenAI's administration paths", _OPERATOR),
    }
)
"""The beginning of a path below `/v1/`, what it is, and what to use."""


def left_out(method: str, path: str) -> UnsupportedEndpoint | None:
    """Return the error for a path of OpenAI's API that is left out, None for any other path."""
    if not path.startswith(ROOT):
        return None
    words = path.removeprefix(ROOT).rstrip("/").split("/")
    found = LEFT_OUT.get(words[0]) or LEFT_OUT.get("/".join(words[:2]))
    if found is None or (words == STORED.split("/") and method != "GET"):
        return None
    what, instead = found
    where = f"{method} {path[:200]}"
    return UnsupportedEndpoint(f"{what} are not served by this gateway ({where}).", hint=instead)
