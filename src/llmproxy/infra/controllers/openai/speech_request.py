"""Desk: what a request for speech must look like before anything is reserved for it.

Bounds are those of OpenAI's API description 2.3.0 (CreateSpeechRequest). A field that is null
counts as absent; fields that this gateway does not know reach the provider as they are.
"""

import math
from collections.abc import Mapping
from typing import Any

from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.usage import Usage
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import (
    Check,
    between,
    json_object,
    missing,
    model_name,
    one_of,
    read_fields,
    text_of_at_most,
    wrong_type,
)

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
AUDIO_TOKENS_PER_CHARACTER = 1.4
"""An estimate. OpenAI puts gpt-4o-mini-tts at about $0.015 a minute and $12 per million audio
tokens (its pricing page): 1,250 tokens a minute, in which some 900 characters of English are read.
"""
MOST_AUDIO_TOKENS_PER_CHARACTER = 8
"""For reservations: a digit or a Chinese character may take 0.4 s to say, at 1,250 a minute."""
MS_PER_AUDIO_TOKEN = 48
"""1,250 a minute, as above."""
TEXT_BYTES_PER_TOKEN = 4


def speech_request(raw: bytes) -> Asked:
    """Check a request. Raises InvalidRequest naming the first field that is wrong."""
    body = json_object(raw)
    values = read_fields(body, CHECKS)
    for name in ("input", "voice"):
        if values.get(name) is None:
            raise missing(name)
    spoken = values["input"]
    if not spoken:
        raise InvalidRequest(
            "Invalid 'input': empty string. Expected a string with minimum length 1, but got an"
            " empty string instead.",
            param="input",
            code="empty_string",
        )
    slowness = max(1.0, 1 / (values.get("speed") or 1))
    longest = math.ceil(len(spoken) * MOST_AUDIO_TOKENS_PER_CHARACTER * slowness)
    asked = Asked(
        body,
        values["model"],
        stream=values.get("stream_format") == "sse",
        max_output_tokens=longest,
        counted=_counted(spoken),
    )
    asked.audio_ms_at_most = longest * MS_PER_AUDIO_TOKEN
    return asked


def _counted(spoken: str) -> Usage:
    """Return what the call uses, unless the provider says better: only its events hold tokens."""
    spoken_tokens = math.ceil(len(spoken) * AUDIO_TOKENS_PER_CHARACTER)
    return Usage(
        input_tokens=math.ceil(len(spoken.encode()) / TEXT_BYTES_PER_TOKEN),
        audio_output_tokens=spoken_tokens,
        characters=len(spoken),
        audio_ms=spoken_tokens * MS_PER_AUDIO_TOKEN,
        estimated=True,
    )


def _voice(name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Check for a built-in voice by its name, or one of one's own as an object with an id."""
    if isinstance(value, dict):
        if not isinstance(value.get("id"), str):
            raise missing(f"{name}.id")
    elif not isinstance(value, str):
        raise wrong_type(name, "a string or an object", value)
    elif not value:
        raise InvalidRequest(
            f"Invalid '{name}': empty string.", param=name, code="empty_string", hint="Name one."
        )


CHECKS: Mapping[str, Check] = {
    "model": model_name,
    "input": text_of_at_most(4096),
    "voice": _voice,
    "instructions": text_of_at_most(4096),
    "response_format": one_of(*FORMATS),
    "speed": between(0.25, 4),
    "stream_format": one_of("sse", "audio"),
}
