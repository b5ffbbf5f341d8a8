"""Thought signatures: what Gemini wants back on the very part that it came with.

They go to the client where Google's own OpenAI compatibility puts them: `extra_content.google.
thought_signature`, of a tool call or of the message. Who sends messages back whole sends them back.
For clients that lose them, those of tool calls are remembered by the call's id. A model that needs
one for a call of the current turn and gets none answers 400; the documented dummy is sent then
(docs.cloud.google.com, Vertex AI, "Thought signatures", 2026), and the caller is told that the
messages were changed.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from llmproxy.infra.providers.translated.chat_request import ToolCall
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning

Json = dict[str, Any]
DUMMY = "skip_thought_signature_validator"


def shown(signature: str) -> Json:
    """Return the field that takes a signature to the client."""
    return {"extra_content": {"google": {"thought_signature": signature}}}


def shown_in(extra_content: Mapping[str, Any] | None) -> str | None:
    """Return the signature in what a client sent back."""
    if extra_content is None:
        return None
    google = extra_content.get("google")
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) and signature else None


def recalled(call: ToolCall, kept: KeptReasoning, project: str | None) -> str | None:
    """Return the signature of a call that comes back: from the client, else from memory."""
    signature = shown_in(call.extra_content)
    if signature is None and call.id:
        value = kept.find(project, call.id)
        signature = None if value is None else value.decode("ascii", "replace")
    return signature


def new_id() -> str:
    """Return an id for a call that the model gave none: `call_` and 24 signs."""
    return f"call_{secrets.token_hex(12)}"
