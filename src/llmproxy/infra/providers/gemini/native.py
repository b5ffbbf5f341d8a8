"""What Gemini has and OpenAI does not, where Google's own OpenAI compatibility puts it.

`google`, or `extra_body` with `google` in it (which is what Google's examples send): an object of
`thinking_config`, `safety_settings`, `cached_content` and `labels`. `safety_settings` and `labels`
are also known at the top. Source: docs.cloud.google.com, Vertex AI, "Using OpenAI libraries with
Vertex AI" (2026).
"""

from typing import Any

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.infra.providers.translated.chat_request import invalid, typed_value

Json = dict[str, Any]
FIELDS = frozenset(("google", "extra_body", "safety_settings", "labels"))
_THINKING = {
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
    "include_thoughts": "includeThoughts",
}


class _Google(msgspec.Struct, forbid_unknown_fields=True):
    thinking_config: Json | None = None
    safety_settings: list[Json] | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


class _ExtraBody(msgspec.Struct, forbid_unknown_fields=True):
    google: _Google | None = None


_google = msgspec.json.Decoder(_Google | None)
_extra_body = msgspec.json.Decoder(_ExtraBody | None)
_settings = msgspec.json.Decoder(list[Json] | None)
_labels = msgspec.json.Decoder(dict[str, str] | None)


class Native(msgspec.Struct):
    """`thinking` is a whole `thinkingConfig`; `fields` are those beside `contents`."""

    thinking: Json | None
    fields: Json


NOTHING = Native(None, {})


def native_in(call: Call) -> Native:
    """Return what a request says in Google's own words. Raises InvalidRequest."""
    if FIELDS.isdisjoint(call.body.fields):
        return NOTHING
    google = typed_value(_google, call, "google")
    extra = typed_value(_extra_body, call, "extra_body")
    if extra is not None and extra.google is not None:
        if google is not None:
            raise invalid("extra_body.google", "it stands beside 'google': keep one")
        google = extra.google
    if google is None:
        google = _Google()
    settings = typed_value(_settings, call, "safety_settings") or google.safety_settings
    labels = typed_value(_labels, call, "labels") or google.labels
    fields = {
        "safetySettings": settings,
        "labels": labels,
        "cachedContent": google.cached_content,
    }
    thinking = google.thinking_config
    if thinking is not None:
        thinking = {_THINKING.get(name, name): value for name, value in thinking.items()}
    return Native(thinking, {name: value for name, value in fields.items() if value})
