"""Speech of Gemini's models, with `generateContent`.

Vertex AI's page "Gemini-TTS" (2026): raw samples come out (`audio/L16;codec=pcm;rate=24000`, least
byte first); how to speak is said before the text, in the same message; there is no speed. Shapes:
google-genai 3.6.1 `types.SpeechConfig`.
"""

import re
from collections.abc import Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.model import Model
from llmproxy.infra.providers.google_media.generated import (
    Medium,
    decoded,
    generated,
    in_short,
    refused,
)
from llmproxy.infra.providers.google_media.given import check_rest, given_in_json
from llmproxy.infra.providers.google_media.sounds import RATE_HZ, Studio
from llmproxy.infra.providers.google_media.speech_request import (
    DEFAULT_FORMAT,
    NEUTRAL,
    SUPPORTED,
    speech_answer,
)
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.google_media.voices import Voices
from llmproxy.infra.providers.translated.translation import Sent, Translated

_RATE = re.compile(r";\s*rate=(\d+)")
_encode = msgspec.json.Encoder().encode


class GeminiSpeech(GoogleTranslation):
    """One model."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.vertex_target("generateContent")
        self._voices = Voices(self.parameters)
        self._language = self.text("language_code")
        self._studio = Studio()

    @override
    async def request(self, call: Call) -> Sent:
        remarks = self.remarks(call)
        given = given_in_json(call)
        check_rest(given, remarks, SUPPORTED, NEUTRAL)
        if given.values.get("speed") not in (None, 1):
            remarks.unsupported("speed")
        spoken = given.text("input") or ""
        how = (given.text("instructions") or "").strip()
        if how:
            spoken = f"{how.rstrip(' .:')}: {spoken}"
            remarks.change("instructions")
        voice = self._voices.voice(given.values["voice"], remarks)
        config: dict[str, object] = {
            "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice.name}}
        }
        language = given.text("language_code") or self._language
        if language:
            config["languageCode"] = language
        body = {
            "contents": [{"role": "user", "parts": [{"text": spoken}]}],
            "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": config},
        }
        return Sent(
            self._target,
            _encode(body),
            tuple(remarks.dropped),
            tuple(remarks.changed),
            context=given.text("response_format") or DEFAULT_FORMAT,
        )

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        made = generated(bodies[0])
        if not made.media:
            words = f"The model said nothing. It wrote: {in_short(made.words) or 'nothing'}"
            raise refused(words, "no_speech")
        if made.cut:
            words = "The model reached its limit before it had read the text to its end."
            raise refused(words, "string_above_max_length", "input")
        samples = b"".join(_samples(medium) for medium in made.media)
        kind = str(sent.context)
        return speech_answer(call, await self._studio.made(samples, kind), kind, made.usage)


def _samples(medium: Medium) -> bytes:
    """Return the samples of a part. Raises Broken for sound of another kind."""
    rate = _RATE.search(medium.mime_type)
    kind = medium.mime_type.partition(";")[0].strip().lower()
    if kind not in ("audio/l16", "audio/pcm") or (rate and int(rate[1]) != RATE_HZ):
        raise Broken(f"The provider's speech is {medium.mime_type[:100]!r}, which was not asked.")
    return decoded(medium.data)
