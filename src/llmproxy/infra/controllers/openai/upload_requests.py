"""Desk: what the forms of uploads must hold. Their values are texts, read as OpenAI reads them.

Fields and bounds: OpenAI's API description 2.3.0 (CreateTranscriptionRequest,
CreateTranslationRequest, CreateImageEditRequest, CreateImageVariationRequest). What files hold, and
which values a model knows, is for the provider to judge.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.usage import Usage
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    between,
    boolean,
    missing,
    model_name,
    text_of_at_most,
    whole,
)
from llmproxy.infra.controllers.openai.image_request import (
    MAX_PROMPT_CHARS,
    TOKENS_PER_IMAGE,
    TOKENS_PER_PARTIAL_IMAGE,
)
from llmproxy.infra.wire.json_object import JsonObject
from llmproxy.infra.wire.multipart import Form
from llmproxy.infra.wire.sound import least_bytes_per_second, sound_ms

MAX_TEXT_CHARS = 32_000
"""OpenAI states no bound for the prompt of a transcription; this is that of an image's."""
AUDIO_TOKENS_PER_MINUTE = 1000
"""OpenAI puts gpt-4o-transcribe at about $0.006 a minute and $6 per million audio tokens (its
pricing page)."""
INPUT_TOKENS_PER_IMAGE = 8_192
"""OpenAI's image generation guide: an input image of high fidelity adds up to 6,240 tokens to those
of its tiles, which are below 1,600."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
Read = Callable[[str], Any]


class Sent(NamedTuple):
    """What the desk made of a form, with an upper bound of the tokens that its files hold."""

    asked: Asked
    file_tokens: int


class Desk(NamedTuple):
    """The texts that are read, each with how, and what is made of the form."""

    fields: Mapping[str, tuple[Read, Check]]
    read: Callable[[Form], Sent]


def _as_whole(text: str) -> Any:  # noqa: ANN401 - the text itself when it is none
    return int(text) if _WHOLE.fullmatch(text) else text


def _as_decimal(text: str) -> Any:  # noqa: ANN401
    return float(text) if _DECIMAL.fullmatch(text) else text


def _as_boolean(text: str) -> Any:  # noqa: ANN401
    return _BOOLEANS.get(text.lower(), text)


def _as_text(text: str) -> Any:  # noqa: ANN401
    return text


_SPEECH_TEXTS: Mapping[str, tuple[Read, Check]] = {
    "model": (_as_text, model_name),
    "prompt": (_as_text, text_of_at_most(MAX_TEXT_CHARS)),
    "response_format": (_as_text, text_of_at_most(100)),
    "temperature": (_as_decimal, between(0, 1)),
}
TRANSCRIPTION_TEXTS = {
    **_SPEECH_TEXTS,
    "language": (_as_text, text_of_at_most(100)),
    "stream": (_as_boolean, boolean),
}
VARIATION_TEXTS: Mapping[str, tuple[Read, Check]] = {
    "model": (_as_text, model_name),
    "n": (_as_whole, whole(1, 10)),
    "size": (_as_text, text_of_at_most(100)),
    "response_format": (_as_text, text_of_at_most(100)),
}
EDIT_TEXTS = {
    **VARIATION_TEXTS,
    "prompt": (_as_text, text_of_at_most(MAX_PROMPT_CHARS)),
    "stream": (_as_boolean, boolean),
    "partial_images": (_as_whole, whole(0, 3)),
    "output_compression": (_as_whole, whole(0, 100)),
}


def _values(form: Form, fields: Mapping[str, tuple[Read, Check]]) -> dict[str, Any]:
    """Return the values of the texts, checked. Raises InvalidRequest."""
    values: dict[str, Any] = {}
    for name, text in form.texts.items():
        read, check = fields[name]
        values[name] = read(text)
        check(name, values[name])
    return values


def _needs_file(form: Form, *names: str) -> None:
    """Raise InvalidRequest unless one of these fields holds a file."""
    if form.files(*names):
        return
    if form.text_part(names[0]) is not None:
        raise InvalidRequest(
            f"Invalid type for '{names[0]}': expected a file, but got a string instead.",
            param=names[0],
            code="invalid_type",
        )
    raise missing(names[0])


def _speech(form: Form, fields: Mapping[str, tuple[Read, Check]]) -> Sent:
    values = _values(form, fields)
    if values.get("model") is None:
        raise missing("model")
    _needs_file(form, "file")
    size = sum(part.end - part.start for part in form.files("file"))
    milliseconds = sound_ms(form.opening, size)
    counted = Usage(
        audio_input_tokens=math.ceil(milliseconds * AUDIO_TOKENS_PER_MINUTE / 60_000),
        audio_ms=milliseconds,
        estimated=True,
    )
    longest_s = size / least_bytes_per_second(form.opening)
    asked = Asked(
        _body(form), values["model"], stream=values.get("stream") is True, counted=counted
    )
    asked.audio_ms_at_most = math.ceil(longest_s * 1000)
    return Sent(asked, math.ceil(longest_s * AUDIO_TOKENS_PER_MINUTE / 60))


def _image(form: Form, fields: Mapping[str, tuple[Read, Check]]) -> Sent:
    values = _values(form, fields)
    if "prompt" in fields and values.get("prompt") is None:
        raise missing("prompt")
    _needs_file(form, "image", "image[]")
    partial = (values.get("partial_images") or 0) * TOKENS_PER_PARTIAL_IMAGE
    count = values.get("n") or 1
    asked = Asked(
        _body(form),
        values.get("model") or "",
        stream=values.get("stream") is True,
        choices=count,
        max_output_tokens=TOKENS_PER_IMAGE + partial,
        counted=Usage(images=count, estimated=True),
    )
    files = [part for part in form.parts if part.is_file]
    return Sent(asked, INPUT_TOKENS_PER_IMAGE * len(files))


def _body(form: Form) -> JsonObject:
    """Return the texts of the form as what the rest of the gateway reads requests by."""
    return JsonObject(msgspec.json.encode(form.texts))


TRANSCRIPTIONS = Desk(TRANSCRIPTION_TEXTS, lambda form: _speech(form, TRANSCRIPTION_TEXTS))
TRANSLATIONS = Desk(_SPEECH_TEXTS, lambda form: _speech(form, _SPEECH_TEXTS))
EDITS = Desk(EDIT_TEXTS, lambda form: _image(form, EDIT_TEXTS))
VARIATIONS = Desk(VARIATION_TEXTS, lambda form: _image(form, VARIATION_TEXTS))
